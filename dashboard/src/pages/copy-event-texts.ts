import type { EventWithStatus } from '../api/schemas.ts';
import { inexactNumbers, laidOut } from '../parts/json.ts';

/** The event as it was answered, with the payload as a member of its own. Every digit stays. */
export function jsonOfEvent(answer: string, payload: string | undefined): string {
  const whole = payload === undefined ? answer : `${answer.slice(0, -1)},"payload":${payload}}`;
  return laidOut(whole).text;
}

/**
 * A test for Jest that publishes such an event on a database of its own, and expects that a handler gets it.
 * `payload` is the text that this page may show: what is masked for the person stays masked.
 */
export function testOfEvent(event: EventWithStatus, payload: string): string {
  const lost = inexactNumbers(payload);
  const value = laidOut(payload).text.replace(/(?<!\\)"__proto__": /g, '["__proto__"]: ');
  const text = `import { expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { EventSubscriberRegistry, IntegrationModule } from 'nestjs-integration';
import { createIntegrationTestDatabase, publishAndDrain } from 'nestjs-integration/testing';

it(${JSON.stringify(`${event.eventName} is handled`)}, async () => {
  // The server is that of TEST_DATABASE_URL, which "globalSetup": "nestjs-integration/testing/jest-global-setup" sets.
  const database = await createIntegrationTestDatabase();
  // Import the module of your handlers here, and expect their effects below.
  const module = await Test.createTestingModule({
    imports: [
      IntegrationModule.forRoot({
        connectionString: database.url,
        settings: { 'processor.enabled': false },
      }),
    ],
  }).compile();
  const handled: unknown[] = [];
  module.get(EventSubscriberRegistry).registerHandler({
    consumerName: 'copied-test',
    eventName: ${JSON.stringify(event.eventName)},
    handler: async ({ eventVersion, aggregateId, payload }) => {
      handled.push({ eventVersion, aggregateId, payload });
    },
  });
  const app = await module.init();
  try {
${lost.length === 0 ? '' : '    // JavaScript cannot hold all digits of some numbers of this payload.\n'}    const payload = ${indented(value)};
    await publishAndDrain(app, {
      eventName: ${JSON.stringify(event.eventName)},
      eventVersion: ${event.eventVersion},
      sourceModule: ${JSON.stringify(event.sourceModule)},
      aggregateType: ${JSON.stringify(event.aggregateType)},
      aggregateId: ${JSON.stringify(event.aggregateId)},
      payload,
    });
    expect(handled).toEqual([
      { eventVersion: ${event.eventVersion}, aggregateId: ${JSON.stringify(event.aggregateId)}, payload },
    ]);
  } finally {
    await app.close();
    await database.drop();
  }
});
`;
  return text.replace(TURNING, (sign) => `\\u${sign.charCodeAt(0).toString(16)}`);
}

/** Signs that let an editor show code in another order than it runs. All of them stand in texts here. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Line breaks within the texts of JSON are escaped, so each one here stands between members. */
function indented(text: string): string {
  return text.replaceAll('\n', '\n    ');
}
