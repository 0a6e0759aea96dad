import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom } from 'rxjs';
import {
  type DomainEvent,
  IntegrationLinkService,
  type IntegrationModuleOptions,
  NonRetryableError,
  type Rehearsal,
  RehearsalService,
  SkipEventError,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { transactionOf, writeEffectBySql } from '../support/effects.js';
import {
  hostClientOver,
  hostsOf,
  type PgHostClient,
  retrying,
  withTransaction,
} from '../support/host-clients.js';
import { inboxRows } from '../support/inbox-rows.js';
import { tableContents } from '../support/table-contents.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { startWorker } from '../support/worker-process.js';

/* A rehearsal runs the handler of a dead letter, and leaves nothing behind. */

type Act = (event: DomainEvent, context: SubscriberContext) => unknown;

/** What beats and jobs write meanwhile, and the two tables that are to say that there was a rehearsal. */
const WRITTEN_MEANWHILE = [
  'inbox_cursor',
  'integration_process',
  'integration_sample',
  'integration_work',
  'integration_maintenance',
  'integration_lease',
  'integration_rehearsal',
  'integration_audit',
].map((name) => `integration.${name}`);
const NOW = new NonRetryableError('it is dead');

let database: TestDatabase;
let overPg: PgHostClient;
let app: TestApp | undefined;
let act: Act;

beforeAll(async () => {
  database = await createTestDatabase();
  overPg = hostClientOver(database.url);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(async () => {
  await overPg.close();
  await database.drop();
});

const hosts = hostsOf(() => ({ database, overPg }));

let made = 0;

interface Stage {
  readonly consumerName: string;
  readonly outboxEventId: string;
  rehearse(): Promise<Rehearsal>;
}

/** An application whose consumer has one dead letter. From then on its handler does what it is to do. */
async function stageOf(
  then: Act,
  options: IntegrationModuleOptions = {},
  more: Partial<AnySubscriberDefinition> = {},
): Promise<Stage> {
  const consumerName = `rehearsed-${++made}`;
  act = () => {
    throw NOW;
  };
  const handler = async (event: DomainEvent, context: SubscriberContext) => {
    await act(event, context);
  };
  const subscriber = { eventName: consumerName, consumerName, transactional: true, handler, ...more };
  app = await startApp(database, [subscriber as AnySubscriberDefinition], options);
  const { outboxEventId } = await app.api.publishEvent({ ...EVENT, eventName: consumerName });
  await untilConsumerSettled(database, consumerName);
  act = then;
  const service = app.context.get(RehearsalService);
  const rehearse = () => service.rehearse({ outboxEventId, consumerName }, { by: 'ann', reason: 'a try' });
  return { consumerName, outboxEventId, rehearse };
}

const EVENT = { sourceModule: 'test', aggregateType: 'thing', aggregateId: 'a', payload: { n: 1 } };

/** Everything that a rehearsal must leave as it was, also the table of the application. */
async function everything(): Promise<unknown> {
  const contents = { ...(await tableContents(database)) };
  for (const name of WRITTEN_MEANWHILE) delete contents[name];
  const { rows: cursors } = await database.pool.query(
    // A position without an event is read past, and taken out of unread, as soon as its transaction is known to
    // have ended. So `read_upto` says nothing here, and of `unread` only positions of events do.
    `SELECT consumer_name, ARRAY(SELECT e.position FROM integration.outbox_event e WHERE e.position <@ c.unread ORDER BY 1) AS unread,
       changed_by_others, unclean_takeovers FROM integration.inbox_cursor c ORDER BY 1`,
  );
  const { rows: effects } = await database.pool.query('SELECT * FROM effect ORDER BY id');
  const { rows: fences } = await database.pool.query(
    `SELECT id FROM integration.integration_rehearsal WHERE state = 'fence'`,
  );
  return { contents, cursors, effects, fences };
}

describe('a rehearsal', () => {
  it.each(hosts)(
    'shows what the handler would do, and leaves no row and no event ($host)',
    async ({ clientOf }) => {
      const seen: string[] = [];
      const stage = await stageOf(
        async (event, context) => {
          await writeEffectBySql('rehearsed', event, context);
          const tx = context.transaction;
          for (const n of [1, 2]) {
            const next = {
              ...EVENT,
              eventName: `next-${n}`,
              payload: { big: 12345678901234567890n.toString(), n },
            };
            await app?.api.publishEvent(next, { persistenceClient: tx });
          }
          await transactionOf(context).$executeRawUnsafe(`SELECT pg_notify('rehearsed', 'heard')`);
          await transactionOf(context).$queryRawUnsafe('SELECT pg_advisory_xact_lock(48)::text');
        },
        { client: clientOf() },
      );
      const ear = await database.pool.connect();
      ear.on('notification', ({ payload = '' }) => seen.push(payload));
      await ear.query('LISTEN rehearsed');
      try {
        const before = await everything();
        const rehearsal = await stage.rehearse();
        expect(rehearsal).toMatchObject({
          state: 'ended',
          requestedBy: 'ann',
          process: { pid: process.pid },
          result: {
            outcome: 'succeeded',
            error: null,
            ms: expect.any(Number),
            hasMorePublished: false,
            published: [
              { eventName: 'next-1', payload: '{"n": 1, "big": "12345678901234567890"}' },
              { eventName: 'next-2' },
            ],
          },
        });
        expect(rehearsal.sentence).toMatch(/^The handler succeeded after \d+ ms\. .*published 2 events\.$/);
        expect(await everything()).toEqual(before);
        const { rows } = await ear.query(`SELECT pg_try_advisory_lock(48) AS free`);
        expect([rows, seen]).toEqual([[{ free: true }], []]);
      } finally {
        ear.release(true);
      }
    },
  );

  it('counts no attempt, and stands in the audit', async () => {
    const { consumerName, outboxEventId, rehearse } = await stageOf(() => {
      throw new Error('still broken');
    });
    const [row] = await inboxRows(database, consumerName);
    const { id, result, sentence } = await rehearse();
    expect(result).toMatchObject({ outcome: 'failed', error: { text: 'Error: still broken', code: null } });
    expect(sentence).toMatch(
      /^The handler failed after \d+ ms\. What it wrote in its transaction is rolled back\.$/,
    );
    expect(await inboxRows(database, consumerName)).toEqual([row]);
    const { rows } = await database.pool.query(
      `SELECT actor, action, target, after, reason FROM integration.integration_audit WHERE after->>'rehearsal' = $1`,
      [id],
    );
    expect(rows).toEqual([
      {
        actor: 'ann',
        action: 'dead-letters.rehearse',
        target: `consumer/${consumerName}/event/${outboxEventId}`,
        after: { rehearsal: id },
        reason: 'a try',
      },
    ]);
  });

  it('sees the errors of what waits for the COMMIT', async () => {
    await database.pool.query(
      `CREATE TABLE IF NOT EXISTS paid (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)`,
    );
    const stage = await stageOf(async (_, context) => {
      await transactionOf(context).$executeRawUnsafe('INSERT INTO paid VALUES (1), (1)');
    });
    const { result } = await stage.rehearse();
    expect(result).toMatchObject({
      outcome: 'failed',
      error: { text: expect.stringContaining('paid_pkey') },
    });
    // A handler may look at its constraints itself. The fence stays.
    act = async (_, context) => {
      await transactionOf(context).$executeRawUnsafe('INSERT INTO paid VALUES (2)');
      await transactionOf(context).$executeRawUnsafe('SET CONSTRAINTS ALL IMMEDIATE');
    };
    expect((await stage.rehearse()).result).toMatchObject({ outcome: 'succeeded' });
    expect((await database.pool.query('SELECT * FROM paid')).rows).toEqual([]);
  });

  it('shows events that were published by plain SQL and under savepoints, and none of others', async () => {
    const stage = await stageOf(async (_, context) => {
      const run = (sql: string) => transactionOf(context).$executeRawUnsafe(sql);
      const plain = (name: string) =>
        `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload)
         VALUES ('${name}', 'sql', 'thing', 'a', '{}')`;
      await app?.api
        .publishEvent({ ...EVENT, eventName: 'of-another' }, { outsideTransaction: true })
        .catch(() => {});
      await database.pool.query(plain('of-another'));
      await run('SAVEPOINT one');
      await run(plain('kept'));
      await run('RELEASE one');
      await run('SAVEPOINT two');
      await run(plain('taken-back'));
      await run('ROLLBACK TO two');
      await database.pool.query(plain('of-another'));
    });
    const { result } = await stage.rehearse();
    expect(result?.published.map(({ eventName }) => eventName)).toEqual(['kept']);
  });

  it('says why a handler has skipped its event', async () => {
    const stage = await stageOf(() => {
      throw new SkipEventError('not mine');
    });
    expect(await stage.rehearse()).toMatchObject({ result: { outcome: 'skipped', reason: 'not mine' } });
  });

  it('of a batch handler gives it the one event', async () => {
    let given: unknown;
    const stage = await stageOf(
      (events) => {
        given = events;
      },
      {},
      { batch: { maxSize: 5 } } as Partial<AnySubscriberDefinition>,
    );
    expect((await stage.rehearse()).result?.outcome).toBe('succeeded');
    expect(given).toMatchObject([{ outboxEventId: stage.outboxEventId }]);
  });

  it('goes on while the consumer is paused', async () => {
    const stage = await stageOf(() => {});
    await app?.consumers.pause(stage.consumerName);
    expect((await stage.rehearse()).result?.outcome).toBe('succeeded');
  });

  it('keeps lines of the logger where the engine does, redacted', async () => {
    const say: Act = (_, { logger }) => logger.log('card 1234-5678');
    const stage = await stageOf(say, {
      handlerLines: { redact: (text) => text.replace(/[\d-]{9}/, '[card]') },
    });
    expect((await stage.rehearse()).result).toMatchObject({
      keepsLines: true,
      lines: [{ text: 'card [card]' }],
    });
    await app?.close();
    const without = await stageOf(say);
    expect((await without.rehearse()).result).toMatchObject({ keepsLines: false, lines: [] });
    const { rows } = await database.pool.query(
      'SELECT r::text AS row FROM integration.integration_rehearsal r',
    );
    expect(JSON.stringify(rows)).not.toContain('1234-5678');
  });
});

describe('a rehearsal of a handler that ends its transaction itself', () => {
  const ways = [
    'COMMIT',
    'END',
    'COMMIT AND CHAIN',
    'COMMIT; BEGIN',
    'SET CONSTRAINTS ALL IMMEDIATE; COMMIT',
    'ROLLBACK',
    "PREPARE TRANSACTION 'mine'",
  ];
  it.each(hosts.flatMap((host) => ways.map((sql) => ({ ...host, sql }))))(
    'is refused, and leaves no row: $sql ($host)',
    async ({ clientOf, sql }) => {
      const stage = await stageOf(
        async (event, context) => {
          await writeEffectBySql('ends-itself', event, context);
          await app?.api.publishEvent(
            { ...EVENT, eventName: 'never' },
            { persistenceClient: context.transaction },
          );
          await transactionOf(context).$executeRawUnsafe(sql);
        },
        { client: clientOf() },
      );
      const before = await everything();
      const { result, sentence } = await stage.rehearse();
      expect(result).toMatchObject({ outcome: 'refused', published: [] });
      expect(result?.error).toMatchObject({ code: 'INTEGRATION_TRANSACTION_ENDED' });
      expect(sentence).toContain('tried to end its transaction itself');
      expect(await everything()).toEqual(before);
    },
  );

  it('is refused where the handler catches the error', async () => {
    const stage = await stageOf(async (event, context) => {
      await writeEffectBySql('ends-itself', event, context);
      await transactionOf(context)
        .$executeRawUnsafe('COMMIT')
        .then(
          () => {},
          () => {},
        );
    });
    const before = await everything();
    expect((await stage.rehearse()).result).toMatchObject({ outcome: 'refused' });
    expect(await everything()).toEqual(before);
  });
});

describe('a client that does not obey', () => {
  it('commits nothing, although its function has rejected', async () => {
    let obeys = true;
    const commits = withTransaction(overPg, (fn, options) =>
      overPg.$transaction((tx) => (obeys ? fn(tx) : fn(tx).catch(() => undefined as never)), options),
    );
    const stage = await stageOf(
      async (event, context) => {
        await writeEffectBySql('disobedient', event, context);
      },
      { client: commits },
    );
    obeys = false;
    const before = await everything();
    expect((await stage.rehearse()).state).toBe('ended');
    expect(await everything()).toEqual(before);
  });

  it('runs a handler that has succeeded once only, if it runs functions again', async () => {
    let runs = 0;
    const stage = await stageOf(
      () => {
        runs++;
      },
      { client: retrying(overPg, 3) },
    );
    expect((await stage.rehearse()).result?.outcome).toBe('succeeded');
    expect(runs).toBe(1);
  });
});

describe('a handler that is rehearsed', () => {
  const OUTSIDE = { name: 'IntegrationError', code: 'INTEGRATION_REHEARSAL_OUTSIDE' };
  it.each(hosts)('cannot publish or link outside of its transaction ($host)', async ({ clientOf }) => {
    const refusals: unknown[] = [];
    const stage = await stageOf(
      async (_, { linkService }) => {
        const next = { ...EVENT, eventName: 'never' };
        const api = app?.api;
        const link = {
          sourceModule: 'a',
          sourceEntityType: 'b',
          sourceEntityId: 'c',
          targetModule: 'd',
          targetEntityType: 'e',
          targetEntityId: 'f',
          linkType: 'reference' as const,
        };
        for (const write of [
          () => api?.publishEvent(next, { outsideTransaction: true }),
          () => api?.publishEvents([next, next], { outsideTransaction: true }),
          () => api?.transaction((tx) => api.publishEvent(next, { persistenceClient: tx })),
          () => (linkService as IntegrationLinkService).createLink(link),
        ])
          await Promise.resolve(write()).catch((error) => refusals.push(error));
      },
      { client: clientOf() },
    );
    const before = await everything();
    expect((await stage.rehearse()).result?.outcome).toBe('succeeded');
    expect(refusals).toEqual([1, 2, 3, 4].map(() => expect.objectContaining(OUTSIDE)));
    expect(await everything()).toEqual(before);
  });

  it.each(hosts)('is ended by its deadline if it hangs ($host)', async ({ clientOf }) => {
    let wasAborted = false;
    let late: unknown;
    const stage = await stageOf(
      async (event, context) => {
        await writeEffectBySql('hangs', event, context);
        await new Promise<void>((resolve) =>
          context.signal.addEventListener('abort', () => {
            wasAborted = true;
            resolve();
          }),
        );
        late = await Promise.resolve(writeEffectBySql('hangs', event, context)).catch((error) => error);
        await new Promise(() => {});
      },
      { client: clientOf() },
      { timeoutMs: 300 },
    );
    const before = await everything();
    const { result } = await stage.rehearse();
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'INTEGRATION_HANDLER_TIMEOUT' } });
    expect(wasAborted).toBe(true);
    expect(late).toMatchObject({ code: 'INTEGRATION_TRANSACTION_ABORTED' });
    expect(await everything()).toEqual(before);
  });

  it('is given up when the application closes', async () => {
    let entered: () => void = () => {};
    const isIn = new Promise<void>((resolve) => (entered = resolve));
    const stage = await stageOf(async (event, context) => {
      await writeEffectBySql('closes', event, context);
      entered();
      await new Promise(() => {});
    });
    const before = await everything();
    const service = app?.context.get(RehearsalService) as RehearsalService;
    const { consumerName, outboxEventId } = stage;
    const { id } = await service.start({ consumerName, outboxEventId });
    await isIn;
    await app?.close();
    const { rows } = await database.pool.query(
      `SELECT state, result->'error'->>'text' AS error FROM integration.integration_rehearsal WHERE id = $1`,
      [id],
    );
    expect(rows).toEqual([{ state: 'ended', error: expect.stringContaining('The application closes') }]);
    expect(await everything()).toEqual(before);
  });
});

describe('a rehearsal is refused', () => {
  const refused = (why: string) => ({
    code: 'INTEGRATION_REHEARSAL_REFUSED',
    message: expect.stringMatching(new RegExp(`${why}.*Nothing was run$`)),
  });

  it('for a handler that is not transactional, which does not run', async () => {
    let hasRun = false;
    const stage = await stageOf(
      () => {
        hasRun = true;
      },
      {},
      { transactional: false },
    );
    const { result, sentence } = await stage.rehearse();
    expect(result).toMatchObject({
      outcome: 'refused',
      ms: null,
      error: { code: 'INTEGRATION_REHEARSAL_REFUSED', text: expect.stringContaining('is not transactional') },
    });
    expect(sentence).toBe('It was refused, and the handler did not run.');
    expect(hasRun).toBe(false);
  });

  it('for what is no dead letter, and says the same before it is asked for', async () => {
    const { consumerName, outboxEventId } = await stageOf(() => {});
    const service = app?.context.get(RehearsalService) as RehearsalService;
    const event = { outboxEventId, consumerName };
    expect(await service.outlook(event)).toMatchObject({
      refusal: null,
      warning: expect.stringContaining('Calls to other services are not undone'),
      processes: expect.arrayContaining([expect.objectContaining({ pid: process.pid })]),
    });
    await app?.consumers.redriveOne(event);
    await untilConsumerSettled(database, consumerName);
    await expect(service.start(event)).rejects.toMatchObject(refused('not a dead letter'));
    expect((await service.outlook(event)).refusal).toMatch(/not a dead letter/);
  });

  it('for an event that may have ended a process', async () => {
    const { consumerName, rehearse } = await stageOf(() => {});
    await database.pool.query(
      `UPDATE integration.inbox_event SET error_fingerprint = 'interrupted' WHERE consumer_name = $1`,
      [consumerName],
    );
    await expect(rehearse()).rejects.toMatchObject(refused('may have ended a process'));
  });

  it('without a process that has the handler', async () => {
    const event = await stageOf(() => {});
    await app?.close();
    const publisher = await startApp(database, [], {});
    app = publisher;
    const { outboxEventId, consumerName } = event;
    await expect(
      publisher.context.get(RehearsalService).start({ outboxEventId, consumerName }),
    ).rejects.toMatchObject(refused('no live process has a handler'));
  });
});

describe('a process that is killed in the middle of a rehearsal', () => {
  it('leaves nothing, and the rehearsal is said to be lost', async () => {
    const consumerName = 'transactional-killed';
    const subscriber = { eventName: consumerName, consumerName, transactional: true, timeoutMs: 60_000 };
    const worker = startWorker(database.url, [subscriber]);
    try {
      await firstValueFrom(worker.lines$.pipe(filter(({ ready }) => ready === true)));
      app = await startApp(database, []);
      const { outboxEventId } = await app.api.publishEvent({
        ...EVENT,
        eventName: consumerName,
        payload: { n: 7, failOnce: true, writeAndWait: true },
      });
      await untilConsumerSettled(database, consumerName);
      const before = await everything();
      const service = app.context.get(RehearsalService);
      const { id } = await service.start({ outboxEventId, consumerName });
      await firstValueFrom(worker.lines$.pipe(filter(({ waiting }) => waiting === 7)));
      expect(await service.get(id)).toMatchObject({ state: 'running', process: { pid: worker.pid } });
      worker.kill('SIGKILL');
      await worker.ended;
      await database.pool.query(
        `UPDATE integration.integration_rehearsal SET ends_by = clock_timestamp() WHERE id = $1`,
        [id],
      );
      expect(await service.get(id)).toMatchObject({
        state: 'lost',
        sentence: expect.stringContaining('Nothing of its transaction was committed'),
      });
      expect(await everything()).toEqual(before);
    } finally {
      worker.kill('SIGKILL');
    }
  });
});
