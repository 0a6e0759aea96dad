import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type DomainEvent, IntegrationError, type IntegrationModuleOptions } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep, SagaTimeout } from '../../src/sagas/index.js';
import { inboxRows } from '../support/inbox-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { event, published, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;

type Work = (saga: SagaContext<Record<string, unknown>>, happened: DomainEvent) => unknown;

/** What the step of a key does. */
const works = new Map<string, Work>();

@Saga({
  name: 'work',
  steps: ['next'],
  state: z.record(z.string(), z.unknown()),
  retry: { maxAttempts: 2, baseDelayMs: 100, maxDelayMs: 100 },
})
class WorkSaga {
  @SagaStart('work.begun', {
    key: (happened: DomainEvent<{ key?: string }>) => happened.payload.key ?? happened.aggregateId,
  })
  begun(_: DomainEvent, saga: SagaContext<Record<string, unknown>>): void {
    saga.state = { begun: true };
  }

  @SagaStep('work.done', { key: keyOf })
  async done(happened: DomainEvent, saga: SagaContext<Record<string, unknown>>): Promise<void> {
    await works.get(saga.key)?.(saga, happened);
  }

  @SagaTimeout('late')
  late(): void {}
}

describe('a saga refuses', () => {
  let database: TestDatabase;
  let app: SagaApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startSagaApp(database, [WorkSaga]);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  /** Runs a step, and returns the error of its dead letter. */
  async function errorOf(key: string, work: Work): Promise<string> {
    works.set(key, work);
    await app.api.publishEvents([event('work.begun', key), event('work.done', key)]);
    await untilSagaSettled(database, 'work');
    const row = (await inboxRows(database, 'saga.work')).find(
      (each) => each.aggregateId === key && each.status === 'dead_letter',
    );
    // Nothing of the step was written.
    expect(await app.sagas.get('work', key)).toMatchObject({
      step: 'started',
      steps: 1,
      status: 'active',
      state: { begun: true },
    });
    return row?.error ?? 'no dead letter';
  }

  it.each<[string, Work, string]>([
    [
      'a step that it does not have',
      (saga) => saga.become('nxt'),
      'has no step "nxt"; there are: started, next (did you mean next?)',
    ],
    [
      'a timeout without a method',
      (saga) => saga.timeout('lat', { afterMs: 1 }),
      'no method with @SagaTimeout("lat")',
    ],
    [
      'a timeout without a time',
      (saga) => saga.timeout('late', {} as { afterMs: number }),
      'needs { afterMs }',
    ],
    ['a timeout in the past', (saga) => saga.timeout('late', { afterMs: -1 }), 'needs { afterMs }'],
    [
      'a state that its schema refuses',
      (saga) => {
        saga.state = 7 as never;
      },
      'does not fit its schema: state:',
    ],
    [
      'a state that is no JSON',
      (saga) => {
        saga.state.big = 1n;
      },
      'state.big',
    ],
    [
      'a state of more than 64 KiB',
      (saga) => {
        saga.state.text = 'x'.repeat(65_536);
      },
      '65536 is the limit',
    ],
    [
      'undos of more than 64 KiB',
      (saga) => saga.onUndo(event('undo', '1', { text: 'x'.repeat(65_536) })),
      'The undo list of',
    ],
    ['an undo that cannot be published', (saga) => saga.onUndo(event('', '1')), 'eventName'],
    [
      'anything after its end',
      (saga) => {
        saga.complete();
        saga.become('next');
      },
      'come too late'.replace('come', 'came'),
    ],
    [
      'a second end',
      async (saga) => {
        await saga.undo('so');
        saga.complete();
      },
      'it is undone since this handler',
    ],
  ])('%s', async (what, work, words) => {
    expect(await errorOf(what, work)).toContain(words);
  });

  it('what its handler does after it has returned', async () => {
    let kept: SagaContext<Record<string, unknown>> | undefined;
    works.set('kept', (saga) => {
      kept = saga;
    });
    await app.api.publishEvents([event('work.begun', 'kept'), event('work.done', 'kept')]);
    await untilSagaSettled(database, 'work');
    expect(() => kept?.become('next')).toThrow(/its handler has returned/);
    await expect(kept?.publish(event('too.late', 'kept'))).rejects.toThrow(/its handler has returned/);
  });

  it.each([
    ['empty', ' '],
    ['too long', 'k'.repeat(256)],
    ['no text', 7],
  ])('a key that is %s, before any saga is looked at', async (what, key) => {
    await app.api.publishEvent(event('work.begun', `key ${what}`, { key }));
    await untilSagaSettled(database, 'work');
    const row = (await inboxRows(database, 'saga.work')).find((each) => each.aggregateId === `key ${what}`);
    expect(row).toMatchObject({ status: 'dead_letter' });
    expect(row?.error).toContain('The key of work.begun');
  });

  it('more than 1,000 steps, and can still be ended', async () => {
    await app.api.publishEvent(event('work.begun', 'many'));
    await untilSagaSettled(database, 'work');
    await database.pool.query(`UPDATE integration.saga_instance SET steps = 1000 WHERE key = 'many'`);
    works.set('many', () => {});
    await app.api.publishEvent(event('work.done', 'many'));
    await untilSagaSettled(database, 'work');
    const row = (await inboxRows(database, 'saga.work')).find(
      (each) => each.aggregateId === 'many' && each.status === 'dead_letter',
    );
    expect(row).toMatchObject({ attempts: 1 });
    expect(row?.error).toContain('1000 entries in its history');
    await app.sagas.end('work', 'many', { outcome: 'canceled', by: 'ops' });
    expect(await app.sagas.get('work', 'many')).toMatchObject({ status: 'canceled' });
  });

  it('what a handler did that throws, and goes on with later steps', async () => {
    let fails = true;
    works.set('throws', async (saga) => {
      await saga.publish(event('work.told', 'throws'));
      saga.state.told = true;
      if (fails) throw new Error('not yet');
    });
    await app.api.publishEvents([event('work.begun', 'throws'), event('work.done', 'throws')]);
    await untilSagaSettled(database, 'work');
    expect(await published(database, 'work.told')).toEqual([]);
    expect(await app.sagas.get('work', 'throws')).toMatchObject({ state: { begun: true } });
    fails = false;
    expect(await app.sagas.retry('work', 'throws')).toBe(1);
    await untilSagaSettled(database, 'work');
    expect(await published(database, 'work.told')).toHaveLength(1);
    expect(await app.sagas.get('work', 'throws')).toMatchObject({
      state: { begun: true, told: true },
      steps: 2,
    });
  });

  it('an event of another tenant', async () => {
    await app.api.publishEvent({ ...event('work.begun', 'of a'), metadata: { tenantId: 'a' } });
    await app.api.publishEvent({ ...event('work.done', 'of a'), metadata: { tenantId: 'b' } });
    await untilSagaSettled(database, 'work');
    const row = (await inboxRows(database, 'saga.work')).find(
      (each) => each.aggregateId === 'of a' && each.status === 'dead_letter',
    );
    expect(row?.error).toContain('belongs to another tenant');
    expect(await app.sagas.get('work', 'of a')).toMatchObject({ tenantId: 'a', steps: 1 });
  });
});

describe('an application whose sagas are wrong', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database?.drop();
  });

  const boot = (...sagas: Parameters<typeof startSagaApp>[1][number][]) =>
    startSagaApp(database, sagas, {} as IntegrationModuleOptions);

  it('does not boot, and is told every problem at once', async () => {
    @Saga({ name: 'twice', steps: ['one'] })
    class First {
      @SagaStep('some.event', { key: keyOf, in: ['one', 'tow'] })
      step(): void {}
    }
    @Saga({ name: 'twice', version: 0, steps: ['one', 'one'], upcast: { 3: () => ({}) }, concurrency: 0 })
    class Second {
      @SagaStart('some.event', { key: 'id' as never })
      start(): void {}
      @SagaStart('some.event', { key: keyOf })
      again(): void {}
      @SagaStep('other.event', { key: keyOf })
      any(): void {}
      @SagaStep('other.event', { key: keyOf, in: 'one', otherwise: 'never' as 'wait', waitMs: 0 })
      one(): void {}
      @SagaTimeout('late')
      late(): void {}
      @SagaTimeout('late')
      later(): void {}
    }
    class Third {
      @SagaTimeout('late')
      late(): void {}
    }
    const error = await boot(First, Second, Third).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(IntegrationError);
    expect(error).toMatchObject({ code: 'INTEGRATION_SAGA_INVALID' });
    const problems = (error as IntegrationError).details.problems as string[];
    for (const words of [
      'First: First.step (TestModule): in names "tow"; the steps are started, one',
      'First: it has no @SagaStart',
      'Second: version must be a whole number from 1',
      'Second: steps has "one" twice',
      'Second: upcast has under 3 no function for a version before version 0',
      'Second: concurrency must be a whole number',
      'Second.start (TestModule): key must be a function',
      'Second: two methods begin the saga with "some.event"',
      'Second: two methods handle "other.event" in the step "one"',
      'otherwise must be one of wait, skip, dead',
      'waitMs must be a whole number from 1',
      'Second: the timeout "late" has two methods',
      'Third: it has methods of a saga, and no @Saga',
      'there are two sagas "twice": First and Second',
    ])
      expect(problems.join('\n')).toContain(words);
  });

  it('is told of a decorated member that is no method', () => {
    expect(() => SagaTimeout('late')(class {}, 'late', {} as never)).toThrow(/is no method of an instance/);
  });
});
