import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RelayOutcome, relay, type SourceMessage, source } from '../../src/relay/index.js';
import { relayExtension } from '../../src/relay/relay-extension.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { type Reading, TestSdk } from '../telemetry/sdk.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/guide/operate/telemetry.md'), 'utf8');

/** What becomes of a message, by the name in its payload. What is not accepted is accepted the second time. */
const OUTCOMES: Readonly<Record<string, RelayOutcome>> = {
  taken: { is: 'accepted' },
  known: { is: 'accepted', isDuplicate: true },
  full: { is: 'refused', error: new Error('the queue is full') },
  large: { is: 'refused', error: new Error('too large'), isFinal: true },
  away: { is: 'unavailable', error: new Error('no answer'), retryAfterMs: 1 },
};
const SENT = ['taken', 'taken', 'known', 'full', 'large', 'away'];

const ATTRIBUTES = { source: '/shop', type: 'item.made', subject: 'item/7', specversion: '1.0' };
const message = (id: string): SourceMessage => ({
  headers: {},
  contentType: 'application/cloudevents+json',
  body: Buffer.from(JSON.stringify({ ...ATTRIBUTES, id, data: {} })),
});

let database: TestDatabase;
let sdk: TestSdk;
let app: RelayApp;

beforeAll(async () => {
  database = await createTestDatabase();
  sdk = new TestSdk();
  sdk.register();
  const seen = new Set<string>();
  const pulls = [
    [message('1'), message('2'), { headers: {}, body: Buffer.from('plain'), place: 'a/1' }],
    [message('3'), message('1')],
  ];
  const acked: number[] = [];
  app = await startRelayApp(
    database,
    {
      relays: [
        relay({
          name: 'orders',
          eventName: 'order.*',
          publish: async (messages) =>
            messages.map(({ event: { payload } }): RelayOutcome => {
              const { name } = payload as { name: string };
              const isFirst = !seen.has(name) || name === 'taken';
              seen.add(name);
              return (isFirst ? OUTCOMES[name] : undefined) ?? { is: 'accepted' };
            }),
        }),
        relay({ name: 'idle', eventName: 'none', publish: async () => [] }),
      ],
      sources: [
        source({
          name: 'shop',
          pull: async () => pulls.shift() ?? [],
          ack: async (messages) => void acked.push(messages.length),
        }),
      ],
    },
    { options: { telemetry: { metrics: true } } },
  );
  await app.api.publishEvents(SENT.map((name, i) => event('order.made', String(i), { name })));
  await untilConsumerSettled(database, 'relay.orders');
  await until('the source has taken in all', async () => acked.length === 2);
}, 60_000);
afterAll(async () => {
  await app.close();
  await sdk.unregister();
  await database.drop();
});

const readings = async (kind: 'relay' | 'source'): Promise<Reading[]> =>
  (await sdk.readings()).filter(({ name }) => name.startsWith(`nestjs_integration.${kind}.`));

const values = async (kind: 'relay' | 'source') =>
  Object.fromEntries(
    (await readings(kind)).map(({ name, value }) => [
      name.slice(`nestjs_integration.${kind}.`.length),
      value,
    ]),
  );

describe('the metrics of relays', () => {
  it('count what became of messages at the broker, each attempt for itself', async () => {
    // Two of them are accepted when they are sent a second time.
    expect(await values('relay')).toEqual({ accepted: 5, refused: 2, duplicates: 1, unaccepted: 1 });
  });

  it('count what sources have stored, what they had stored before, and what is no event', async () => {
    expect(await values('source')).toEqual({ stored: 3, repeated: 1, rejected: 1 });
  });

  it('tell relays and sources apart, by their consumer or lease, and nothing else', async () => {
    const attributesOf = async (kind: 'relay' | 'source') =>
      (await readings(kind)).map(({ attributes }) => attributes);
    const system = { 'messaging.system': 'nestjs_integration' };
    for (const attributes of await attributesOf('relay'))
      expect(attributes).toEqual({ ...system, 'messaging.consumer.group.name': 'relay.orders' });
    for (const attributes of await attributesOf('source'))
      expect(attributes).toEqual({ ...system, 'messaging.consumer.group.name': 'relay.source.shop' });
  });

  it('are in the guide, with all that the part brings, and no other', () => {
    const documented = [
      ...PAGE.matchAll(/^\| `(nestjs_integration\.(?:relay|source)\.\w+)` *\| `([^`]+)`/gm),
    ].map(([, name, unit]) => ({ name, unit }));
    const { counters = [] } = relayExtension;
    expect(documented).toEqual(counters.map(({ name, unit }) => ({ name, unit })));
  });
});
