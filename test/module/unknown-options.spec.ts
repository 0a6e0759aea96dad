import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  EventSubscriberRegistry,
  IntegrationError,
  IntegrationModule,
  IntegrationSubscriber,
  type PublishOptions,
} from '../../src/index.js';
import {
  createIntegrationTestDatabase,
  failAt,
  outcomeOf,
  publishAndDrain,
} from '../../src/testing/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startApp(database, [], { settings: { 'processor.enabled': false } });
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const event = {
  eventName: 'invoice.created',
  sourceModule: 'finance',
  aggregateType: 'invoice',
  aggregateId: 'i-1',
} as const;

/** What a call in untyped code is refused with. */
async function refusal(call: () => unknown): Promise<IntegrationError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof IntegrationError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

async function countEvents(): Promise<number> {
  const { rows } = await database.pool.query('SELECT count(*)::int AS count FROM integration.outbox_event');
  return rows[0].count;
}

describe('an option that is not known is refused, with the one that was meant', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['an option', { timeout: 5_000 }, 'timeout is not an option; there are: eventName, '],
    ['an option', { timeout: 5_000 }, '(did you mean timeoutMs?)'],
    ['an option', { transaction: true }, '(did you mean transactional?)'],
    ['a part of retry', { retry: { attempts: 5 } }, 'retry.attempts is not an option'],
    ['a part of retry', { retry: { attempts: 5 } }, '(did you mean maxAttempts?)'],
    ['a part of batch', { batch: { maxSize: 5, wait: 5 } }, '(did you mean maxWaitMs?)'],
  ])('%s of a subscriber: %j', async (_, wrong, words) => {
    const definition = { eventName: 'a', consumerName: 'c', handler: async () => {}, ...wrong };
    const error = await refusal(() => new EventSubscriberRegistry().registerHandler(definition as never));
    expect(error.code).toBe('INTEGRATION_SUBSCRIBER_INVALID');
    expect(error.message).toContain(words);
    const facade = await refusal(() => app.api.subscribe(definition as never));
    expect(facade.message).toContain(words);
    expect(facade.message).toContain('unknown-options.spec.ts:');
  });

  it.each([
    ['delay', '(did you mean delayMs?)'],
    ['deduplicationkey', '(did you mean deduplicationKey?)'],
    ['version', '(did you mean eventVersion?)'],
    ['persistenceClient', 'pass it in the argument behind the event'],
  ])('a field of an event: %s', async (field, words) => {
    const before = await countEvents();
    const wrong = { ...event, [field]: 5 } as never;
    for (const [call, path] of [
      [() => app.api.publishEvent(wrong), field],
      [() => app.api.publishEvents([event, wrong]), `events[1].${field}`],
    ] as const) {
      const error = await refusal(call);
      expect(error.code).toBe('INTEGRATION_EVENT_INVALID');
      expect(error.details.fields).toEqual([path]);
      expect(error.message).toContain(`${path} is not a field of an event`);
      expect(error.message).toContain(words);
    }
    expect(await countEvents()).toBe(before);
  });

  it('an option of publishing, in every form of it', async () => {
    const before = await countEvents();
    await database.prisma().$transaction(async (persistenceClient) => {
      for (const place of [{}, { persistenceClient }]) {
        const late = { ...place, delayMs: 5 } as unknown as PublishOptions;
        const misspelt = { ...place, delay: 5 } as unknown as PublishOptions;
        for (const error of [
          await refusal(() => app.api.publishEvent(event, late)),
          await refusal(() => app.api.publishEvents([event], late)),
        ]) {
          expect(error.code).toBe('INTEGRATION_EVENT_INVALID');
          expect(error.message).toContain('delayMs is not an option of publishing');
          expect(error.message).toContain('given in the event itself');
        }
        const separate = await refusal(() =>
          app.api.publishEvent('invoice.created', 'finance', 'invoice', 'i-1', {}, misspelt),
        );
        expect(separate.message).toContain('(did you mean delayMs?)');
      }
    });
    expect(await countEvents()).toBe(before);
    const allowed = {
      delayMs: 5,
      deduplicationKey: 'k',
      metadata: {},
      eventVersion: 2,
      outsideTransaction: true,
    };
    await app.api.publishEvent('invoice.created', 'finance', 'invoice', 'i-1', {}, allowed);
    expect(await countEvents()).toBe(before + 1);
  });

  it('a field of a filter or a page, which would choose more than was meant', async () => {
    const calls: [() => unknown, string][] = [
      [() => app.outbox.findMany({ event: 'a' } as never), '(did you mean eventName?)'],
      [() => app.outbox.findMany({}, { limits: 5 } as never), '(did you mean limit?)'],
      [() => app.outbox.timeline('t', '1', { limits: 5 } as never), '(did you mean limit?)'],
      [() => app.inbox.findDeadLetters({ consumer: 'c' } as never), '(did you mean consumerName?)'],
      [() => app.inbox.findDeadLetters({}, { limits: 5 } as never), '(did you mean limit?)'],
      [() => app.consumers.redrive({ consumer: 'c' } as never), '(did you mean consumerName?)'],
      [() => app.consumers.redrive({}, { maxEvent: 5 } as never), '(did you mean maxEvents?)'],
      [() => app.consumers.discard({ consumer: 'c' } as never, 'why'), '(did you mean consumerName?)'],
      [
        () => app.consumers.discard({ eventName: 'a' }, 'why', { state: [] } as never),
        '(did you mean states?)',
      ],
      [() => app.consumers.replay('c', { from: 1, eventName_: 'a' } as never), '(did you mean eventName?)'],
      [
        () => app.consumers.replay('c', { from: 1 }, { who: 'me' } as never),
        'who is not an option of replay',
      ],
      [() => app.consumers.repartition('c', 2, { timeout: 5 } as never), '(did you mean timeoutMs?)'],
      [() => app.consumers.remove('c', { forced: true } as never), '(did you mean force?)'],
      [() => app.processor.drain({ timeout: 5 } as never), '(did you mean timeoutMs?)'],
    ];
    for (const [call, words] of calls) {
      const error = await refusal(call);
      expect([call.toString(), error.code]).toEqual([call.toString(), 'INTEGRATION_ADMIN_INVALID']);
      expect(error.message).toContain(words);
    }
  });

  it('a setting', async () => {
    const error = await refusal(() => app.settings.set('maxAttempt' as never, 5 as never, 'test'));
    expect(error.code).toBe('INTEGRATION_SETTING_UNKNOWN');
    expect(error.message).toContain('(did you mean maxAttempts?)');
  });

  it('a field of a link', async () => {
    const error = await refusal(() => app.api.createLink({ sourceEntity: 'x' } as never));
    expect(error.code).toBe('INTEGRATION_LINK_INVALID');
    expect(error.message).toContain('sourceEntity is not a field of a link');
    expect(error.message).toContain('(did you mean sourceEntityId?)');
  });

  it('an option of what tests use', async () => {
    const { context } = app;
    const calls: [() => unknown, string][] = [
      [() => publishAndDrain(context, event, { timeout: 5 } as never), '(did you mean timeoutMs?)'],
      [() => outcomeOf(context, 'x', 'c', { timeout: 5 } as never), '(did you mean timeoutMs?)'],
      [() => failAt(context, 'after-handler', { consumer: 'c' } as never), '(did you mean consumerName?)'],
      [() => createIntegrationTestDatabase({ server: '', name: 'x' } as never), 'name is not an option'],
    ];
    for (const [call, words] of calls) expect((await refusal(call)).message).toContain(words);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an option', { connectionstring: 'x' }, 'connectionstring is not an option of forRootAsync'],
    ['an option', { connectionstring: 'x' }, '(did you mean connectionString?)'],
    ['an option', { usefactory: () => ({}) }, '(did you mean useFactory?)'],
    ['an option that the factory should return', { schema: 'x' }, 'schema is for what makes the options'],
    ['two ways to make the options', { useClass: class {} }, 'useFactory and useClass exclude each other'],
  ])('%s of forRootAsync: %j', async (_, wrong, words) => {
    const options = { useFactory: () => ({}), ...wrong };
    const error = await refusal(() => IntegrationModule.forRootAsync(options as never));
    expect(error.code).toBe('INTEGRATION_OPTIONS_INVALID');
    expect(error.message).toContain(words);
  });

  it('nor are event names given twice to a decorator', async () => {
    const error = await refusal(() =>
      IntegrationSubscriber('a', { eventName: 'b', consumerName: 'c' } as never),
    );
    expect(error.code).toBe('INTEGRATION_SUBSCRIBER_INVALID');
    expect(error.message).toContain('given event names twice: "a" and eventName: "b"');
  });
});
