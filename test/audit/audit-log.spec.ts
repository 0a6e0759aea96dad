import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type AuditEntry,
  AuditService,
  type ChangeAuthor,
  ConsumerService,
  CorrectionService,
  FailureGroupService,
  IntegrationSettingsService,
  NonRetryableError,
  OperationService,
  RehearsalService,
} from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runJsonCommand } from '../support/command.js';
import { publishOrders } from '../support/orders.js';
import { exportedServices, publicMethodsOf } from '../support/public-methods.js';
import { holdOperations } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const BATCH_SIZE = 'core.integration.outbox.batchSize';

let database: TestDatabase;
let app: TestApp;

beforeEach(async () => {
  database = await createTestDatabase();
  app = await startApp(database, [
    {
      eventName: 'order.*',
      consumerName: 'billing',
      startFrom: 'earliest',
      handler: async () => {
        throw new NonRetryableError('never');
      },
    },
  ]);
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

const audit = () => app.context.get(AuditService);
const settings = () => app.context.get(IntegrationSettingsService);
const consumers = () => app.context.get(ConsumerService);
const failures = () => app.context.get(FailureGroupService);

/** The kind of the dead letters that `withDeadLetters` makes. */
async function groupOfBilling() {
  const { rows } = await database.pool.query<{ fingerprint: string }>(
    `SELECT error_fingerprint AS fingerprint FROM integration.inbox_event WHERE consumer_name = 'billing' LIMIT 1`,
  );
  return { consumerName: 'billing', fingerprint: rows[0]?.fingerprint ?? null };
}

const operations = () => app.context.get(OperationService);
const planned = (author: ChangeAuthor) =>
  operations().plan({ kind: 'redrive', filter: { consumerName: 'billing' }, ...author });

/** The event of the first dead letter of `billing`. */
async function failedEvent(): Promise<string> {
  const { rows } = await database.pool.query<{ id: string }>(
    `SELECT outbox_event_id AS id FROM integration.inbox_event WHERE consumer_name = 'billing' ORDER BY position LIMIT 1`,
  );
  return rows[0]?.id ?? '';
}

/** Three dead letters of a consumer that runs. */
async function withDeadLetters(count = 3): Promise<void> {
  await publishOrders(app, count);
  await until('all are dead', async () => {
    const dead = await consumers().list();
    return dead[0]?.deadLetters === count;
  });
}

/** A consumer that nobody works on, which has settled the first three positions. */
async function withStoredConsumer(): Promise<void> {
  await withDeadLetters();
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, starts_at, unread)
     VALUES ('stored', '{order.placed,order.paid}', 1, '{[4,)}')`,
  );
}

interface Change {
  readonly given?: () => Promise<unknown>;
  /** Makes the change, in the name of somebody. */
  readonly make: (author: ChangeAuthor) => Promise<unknown>;
  readonly noted: Partial<AuditEntry>;
}

/**
 * Every method of a service by which an admin changes something, and one call of each. A new public method must be added
 * here, or to the methods that only read.
 */
const CHANGES: Readonly<Record<string, Readonly<Record<string, Change>>>> = {
  ConsumerService: {
    pause: {
      make: (author) => consumers().pause('billing', author),
      noted: {
        action: 'consumers.pause',
        target: 'consumer/billing',
        before: { paused: false },
        after: { paused: true },
        affected: 1,
      },
    },
    resume: {
      given: () => consumers().pause('billing', { by: 'somebody else' }),
      make: (author) => consumers().resume('billing', author),
      noted: { action: 'consumers.resume', target: 'consumer/billing', after: { paused: false } },
    },
    replay: {
      given: withStoredConsumer,
      make: (author) => consumers().replay('stored', { from: 1, to: 3 }, author),
      noted: {
        action: 'operations.run',
        after: { kind: 'replay', filter: { consumerName: 'stored', from: 1, to: 3 } },
      },
    },
    replayAtOnce: {
      given: withStoredConsumer,
      make: (author) => consumers().replayAtOnce('stored', { from: 1, to: 3 }, author),
      noted: {
        action: 'consumers.replay',
        target: 'consumer/stored',
        after: { from: 1, to: 3 },
        affected: 3,
      },
    },
    redrive: {
      given: withDeadLetters,
      make: (author) => consumers().redrive({ consumerName: 'billing' }, author),
      noted: {
        action: 'operations.run',
        after: { kind: 'redrive', filter: { consumerName: 'billing' } },
      },
    },
    redriveOne: {
      given: withDeadLetters,
      make: (author) => consumers().redriveOne({ consumerName: 'billing', position: 1 }, author),
      noted: {
        action: 'events.redrive',
        target: 'consumer/billing/event/1',
        after: { filter: { consumerName: 'billing', position: 1 } },
        affected: 1,
      },
    },
    discard: {
      given: withDeadLetters,
      make: ({ reason = '', ...author }) => consumers().discard({ consumerName: 'billing' }, reason, author),
      noted: { action: 'operations.run', after: { kind: 'discard' } },
    },
    discardOne: {
      given: withDeadLetters,
      make: ({ reason = '', ...author }) =>
        consumers().discardOne({ consumerName: 'billing', position: 1 }, reason, author),
      noted: { action: 'events.discard', target: 'consumer/billing/event/1', affected: 1 },
    },
    repartition: {
      given: withStoredConsumer,
      make: (author) => consumers().repartition('stored', 2, { timeoutMs: 0, ...author }),
      noted: {
        action: 'consumers.repartition',
        target: 'consumer/stored',
        before: { partitions: 1, repartitioningTo: null },
        after: { partitions: 2 },
      },
    },
    remove: {
      given: withStoredConsumer,
      make: (author) => consumers().remove('stored', author),
      noted: {
        action: 'consumers.remove',
        target: 'consumer/stored',
        before: { partitions: 1, eventNames: ['order.placed', 'order.paid'] },
      },
    },
    rename: {
      given: withStoredConsumer,
      make: (author) => consumers().rename('stored', 'new name', author),
      noted: { action: 'consumers.rename', before: { name: 'stored' }, after: { name: 'new name' } },
    },
    removeNames: {
      given: withStoredConsumer,
      make: (author) => consumers().removeNames('stored', ['order.paid'], author),
      noted: {
        action: 'consumers.remove-names',
        before: { eventNames: ['order.placed', 'order.paid'] },
        after: { eventNames: ['order.placed'] },
      },
    },
  },
  IntegrationSettingsService: {
    set: {
      make: (author) => settings().set('batchSize', 41, author),
      noted: {
        action: 'settings.change',
        target: `setting/${BATCH_SIZE}`,
        before: { [BATCH_SIZE]: null },
        after: { [BATCH_SIZE]: 41 },
        affected: 1,
      },
    },
    reset: {
      given: () => settings().set('batchSize', 41, 'somebody else'),
      make: (author) => settings().reset('batchSize', author),
      noted: { before: { [BATCH_SIZE]: 41 }, after: { [BATCH_SIZE]: null } },
    },
    change: {
      make: (author) => settings().change({ batchSize: 41, maxAttempts: 5 }, author),
      noted: { action: 'settings.change', target: 'settings', affected: 2 },
    },
    restore: {
      given: async () => {
        await settings().set('batchSize', 41, 'somebody else');
        await settings().set('batchSize', 42, 'somebody else');
      },
      make: async (author) => {
        const { entries } = await settings().history();
        await settings().restore(entries[1]?.id ?? 0, author);
      },
      noted: { before: { [BATCH_SIZE]: 42 }, after: { [BATCH_SIZE]: 41 } },
    },
  },
  FailureGroupService: {
    note: {
      given: withDeadLetters,
      make: async (author) => failures().note(await groupOfBilling(), 'the bank is closed', author),
      noted: { action: 'failure-groups.note' },
    },
    acknowledge: {
      given: withDeadLetters,
      make: async (author) => failures().acknowledge(await groupOfBilling(), author),
      noted: { action: 'failure-groups.acknowledge' },
    },
    change: {
      given: withDeadLetters,
      make: async (author) =>
        failures().change(await groupOfBilling(), { note: 'the bank is closed', acknowledged: true }, author),
      noted: {
        action: 'failure-groups.change',
        after: expect.objectContaining({
          note: 'the bank is closed',
          acknowledged_by: expect.any(String),
        }),
      },
    },
  },
  OperationService: {
    run: {
      given: withDeadLetters,
      make: async (author) => {
        const plan = await planned(author);
        await operations().run(plan.id, author);
      },
      noted: { action: 'operations.run', before: { state: 'planned', changed: 0 } },
    },
    start: {
      given: withDeadLetters,
      make: (author) =>
        operations().start({ kind: 'redrive', filter: { consumerName: 'billing' }, ...author }),
      noted: { action: 'operations.run', before: { state: 'planned', changed: 0 } },
    },
    cancel: {
      given: withDeadLetters,
      make: async (author) => {
        const plan = await planned(author);
        await operations().cancel(plan.id, author);
      },
      noted: { action: 'operations.cancel', before: { state: 'planned', changed: 0 } },
    },
    pause: {
      given: withDeadLetters,
      make: async (author) => {
        const plan = await planned(author);
        // It is somebody else's, who does nothing: so it still runs when it is paused.
        await holdOperations(database, 'running');
        await operations().pause(plan.id, author);
      },
      noted: { action: 'operations.pause', before: { state: 'running', changed: 0 } },
    },
    resume: {
      given: withDeadLetters,
      make: async (author) => {
        const plan = await planned(author);
        await holdOperations(database, 'paused');
        await operations().resume(plan.id, author);
      },
      noted: { action: 'operations.resume', before: { state: 'paused', changed: 0 } },
    },
    changeRate: {
      given: withDeadLetters,
      make: async (author) => {
        const plan = await planned(author);
        await operations().changeRate(plan.id, 7, author);
      },
      noted: {
        action: 'operations.rate',
        before: { state: 'planned', changed: 0, rate: null },
        after: expect.objectContaining({ rate: 7 }),
      },
    },
  },
  AuditService: {
    denied: {
      make: (author) => audit().denied('consumers.pause', 'consumer/billing', author),
      noted: { action: 'consumers.pause', target: 'consumer/billing', outcome: 'denied' },
    },
  },
  RehearsalService: {
    start: {
      given: withDeadLetters,
      make: (author) => rehearse('start', author),
      noted: { action: 'dead-letters.rehearse', after: { rehearsal: expect.any(String) } },
    },
    rehearse: {
      given: withDeadLetters,
      make: (author) => rehearse('rehearse', author),
      noted: { action: 'dead-letters.rehearse', after: { rehearsal: expect.any(String) } },
    },
  },
  CorrectionService: {
    correct: {
      given: withDeadLetters,
      make: async ({ reason = '', ...author }) =>
        app.context
          .get(CorrectionService)
          .correct(await failedEvent(), 'billing', { payload: { right: true } }, { reason, ...author }),
      noted: {
        action: 'events.correct',
        after: { publishedAs: expect.any(String), position: expect.any(Number), eventName: 'order.placed' },
        affected: 1,
      },
    },
  },
};

/** A rehearsal of the first dead letter of `billing`. Its handler is not transactional, so it does not run. */
const rehearse = async (how: 'start' | 'rehearse', author: ChangeAuthor) =>
  app.context
    .get(RehearsalService)
    [how]({ outboxEventId: await failedEvent(), consumerName: 'billing' }, author);

/** Methods of these services that only read. */
const READS: Readonly<Record<string, readonly string[]>> = {
  ConsumerService: ['list', 'listWithRates', 'overview', 'page'],
  AuditService: ['list'],
  IntegrationSettingsService: [
    'get',
    'getAll',
    'view',
    'definitionOf',
    'snapshot',
    'snapshotOf',
    'load',
    'applyStored',
    'preview',
    'history',
  ],
  // A plan changes nothing: it is noted when it is run or cancelled.
  OperationService: ['list', 'get', 'verdict', 'outlook', 'plan', 'count'],
  DoctorService: ['examine'],
  ProcessService: ['list', 'running'],
  ConsumerBacklogService: ['list', 'of', 'events', 'blocking'],
  ConsumerRatesService: ['of', 'ofAll', 'workOf', 'heatMap'],
  FailureGroupService: ['list', 'of', 'deadLetters'],
  ProblemService: ['list'],
  FlowService: ['map'],
  EventLookService: ['search', 'searchOn', 'head', 'withMetadataText', 'withPayloadText', 'chainOf'],
  ChangeHistoryService: ['list'],
  JourneyService: ['ofEvent', 'ofEntity'],
  RehearsalService: ['outlook', 'get'],
  LinkGraphService: ['around'],
};

/** Services by which applications do their work. What they do is no change by an admin. */
const OF_APPLICATIONS = [
  'InboxService',
  'IntegrationDeveloperApiService',
  'IntegrationLinkService',
  'LeaseService',
  'OutboxService',
];

const EVERY_CHANGE = Object.entries(CHANGES).flatMap(([service, methods]) =>
  Object.entries(methods).map(([method, change]) => ({ name: `${service}.${method}`, ...change })),
);

async function state(): Promise<unknown> {
  const { rows } = await database.pool.query(
    `SELECT (SELECT jsonb_agg(jsonb_build_array(consumer_name, partition, event_names, paused_at, paused_by, repartition_to, unread)
         ORDER BY consumer_name, partition) FROM integration.inbox_cursor) AS cursors,
       (SELECT jsonb_agg(jsonb_build_array(consumer_name, position, status) ORDER BY consumer_name, position)
         FROM integration.inbox_event) AS rows,
       (SELECT count(*) FROM integration.outbox_event) AS events,
       (SELECT count(*) FROM integration.inbox_replay) AS replays,
       (SELECT count(*) FROM integration.integration_rehearsal) AS rehearsals,
       (SELECT jsonb_object_agg(key, value) FROM integration.integration_setting) AS settings,
       (SELECT count(*) FROM integration.integration_audit) AS noted`,
  );
  return rows[0];
}

describe('what admins change', () => {
  it('is known here of every service', () => {
    const listed = [...Object.keys(CHANGES), ...Object.keys(READS), ...OF_APPLICATIONS];
    for (const { name, file } of exportedServices()) {
      expect(listed).toContain(name);
      if (OF_APPLICATIONS.includes(name)) continue;
      const known = [...Object.keys(CHANGES[name] ?? {}), ...(READS[name] ?? [])];
      expect([name, publicMethodsOf(file, name).sort()]).toEqual([name, known.sort()]);
    }
  });

  it.each(EVERY_CHANGE)('has one row in the audit: $name', async ({ given, make, noted }) => {
    await given?.();
    const before = (await audit().list()).entries.length;
    await make({ by: 'ann', reason: 'because' });
    const { entries } = await audit().list();
    expect(entries).toHaveLength(before + 1);
    expect(entries[0]).toMatchObject({
      actor: 'ann',
      reason: 'because',
      via: 'service',
      outcome: 'done',
      idempotencyKey: null,
      at: expect.any(Date),
      ...noted,
    });
  });

  it.each(EVERY_CHANGE)('does not happen if it cannot be noted: $name', async ({ given, make }) => {
    await given?.();
    await database.pool.query(
      `ALTER TABLE integration.integration_audit ADD CONSTRAINT refused CHECK (actor <> 'mallory') NOT VALID`,
    );
    const before = await state();
    await expect(make({ by: 'mallory', reason: 'because' })).rejects.toMatchObject({ code: '23514' });
    expect(await state()).toEqual(before);
  });

  it('has the host as its actor if nobody is named, and says by which way it was asked for', async () => {
    await consumers().pause('billing');
    await consumers().resume('billing', { by: 'ann', via: 'rest', idempotencyKey: 'k1' });
    expect((await audit().list()).entries).toMatchObject([
      { actor: 'ann', via: 'rest', idempotencyKey: 'k1', reason: null },
      { actor: `process:${hostname()}`, via: 'service', idempotencyKey: null },
    ]);
  });

  it('is not noted when a call changes nothing', async () => {
    await consumers().resume('billing');
    await settings().reset('batchSize');
    expect(await consumers().redriveOne({ consumerName: 'billing', position: 1 })).toBe(false);
    expect(await consumers().removeNames('billing', [])).toEqual(['order.*']);
    expect(await consumers().repartition('billing', 1)).toBe('done');
    expect((await audit().list()).entries).toEqual([]);
  });

  it('is noted with each of its transactions when it takes several', async () => {
    await withStoredConsumer();
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT 'order.placed', 'test', 'order', 'many' FROM generate_series(1, 45000)`,
    );
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET unread = '{[50000,)}' WHERE consumer_name = 'stored'`,
    );
    const { positions } = await consumers().replayAtOnce('stored', { from: 1 }, { by: 'ann' });
    const { entries } = await audit().list({ action: 'consumers.replay' });
    expect(entries).toHaveLength(3);
    expect(entries.reduce((sum, { affected }) => sum + (affected ?? 0), 0)).toBe(positions);
  });

  it.each([
    [{ by: 'x'.repeat(256) }, /by has more than 255 characters/],
    [{ by: 'a\0b' }, /by contains a NUL/],
    [{ reason: '\ud800' }, /reason contains a lone surrogate/],
    [{ reason: 'x'.repeat(10_001) }, /reason has more than 10000 characters/],
    [{ via: 'telephone' as 'rest' }, /via must be one of service, cli, rest/],
    [{ because: 'x' } as ChangeAuthor, /because is not an option of pause/],
  ])('needs an author that can be stored: %#', async (author, message) => {
    await expect(consumers().pause('billing', author)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringMatching(message),
    });
    expect((await consumers().list())[0]).toMatchObject({ paused: false });
  });
});

describe('a paused consumer', () => {
  it('says since when, by whom and why, also in more partitions, until it is resumed', async () => {
    await consumers().pause('billing', { by: 'ann', reason: 'the bank is closed' });
    await consumers().pause('billing', { by: 'bob', reason: 'me too' });
    const paused = {
      paused: true,
      pausedSince: expect.any(Date),
      pausedBy: 'ann',
      pauseReason: 'the bank is closed',
    };
    expect(await consumers().list()).toMatchObject([paused]);
    expect(await consumers().repartition('billing', 3)).toBe('done');
    expect(await consumers().list()).toMatchObject([paused, paused, paused]);
    await consumers().resume('billing');
    for (const view of await consumers().list())
      expect(view).toMatchObject({ paused: false, pausedSince: null, pausedBy: null, pauseReason: null });
  });
});

describe('the commands', () => {
  it('note who runs them, and that it was a command', async () => {
    const by = ['--by', 'ann', '--reason', 'too many mails'];
    expect((await runJsonCommand(['consumers', 'pause', 'billing', ...by, '--yes'], database)).status).toBe(
      0,
    );
    expect((await runJsonCommand(['consumers', 'resume', 'billing', '--yes'], database)).status).toBe(0);
    expect((await audit().list()).entries).toMatchObject([
      { action: 'consumers.resume', actor: expect.stringMatching(/^cli:./), via: 'cli', reason: null },
      { action: 'consumers.pause', actor: 'ann', via: 'cli', reason: 'too many mails' },
    ]);
  });
});

describe('the audit', () => {
  const add = (count: number, actor: string, at: string) =>
    database.pool.query(
      `INSERT INTO integration.integration_audit (at, actor, via, action, target, outcome)
       SELECT $3::timestamptz, $2, 'service', 'consumers.pause', 'consumer/' || (n % 3), 'done' FROM generate_series(1, $1::int) n`,
      [count, actor, at],
    );

  async function all(filter: Parameters<AuditService['list']>[0], limit: number): Promise<AuditEntry[]> {
    const found: AuditEntry[] = [];
    let after: number | undefined;
    do {
      const { entries, next } = await audit().list(filter, { limit, after });
      found.push(...entries);
      after = next ?? undefined;
    } while (after !== undefined);
    return found;
  }

  it('loses no row over pages where many have the same time, and repeats none', async () => {
    await add(31, 'ann', '2026-01-01 10:00:00.123456+00');
    await add(7, 'bob', '2026-01-01 10:00:00.123457+00');
    await add(5, 'bob', '2025-12-31 10:00+00');
    const found = await all({}, 4);
    expect(new Set(found.map(({ id }) => id)).size).toBe(43);
    expect(found.map(({ actor }) => actor)).toEqual([
      ...Array(7).fill('bob'),
      ...Array(31).fill('ann'),
      ...Array(5).fill('bob'),
    ]);
  });

  it('is chosen from by actor, action, target, outcome and time', async () => {
    await add(30, 'ann', '2026-01-01 10:00+00');
    await add(9, 'bob', '2026-01-02 10:00+00');
    await audit().denied('settings.change', 'settings', { by: 'eve' });
    expect(await all({ actor: 'bob' }, 4)).toHaveLength(9);
    expect(await all({ target: 'consumer/1' }, 4)).toHaveLength(13);
    expect(await all({ target: 'consumer/1', actor: 'ann' }, 4)).toHaveLength(10);
    expect(await all({ action: 'settings.change' }, 4)).toMatchObject([{ actor: 'eve' }]);
    expect(await all({ outcome: 'denied' }, 4)).toMatchObject([{ actor: 'eve' }]);
    const since = new Date('2026-01-02T00:00:00Z');
    expect(await all({ until: since }, 7)).toHaveLength(30);
    expect(await all({ since }, 7)).toHaveLength(10);
  });

  it('with several filters looks at 100,000 entries of one, says how far it came, and goes on from there', async () => {
    await add(1, 'bob', '2026-01-01 10:00+00');
    await add(100_001, 'ann', '2026-01-02 10:00+00');
    await add(2, 'ann', '2026-01-01 10:00+00');
    await database.pool.query(
      `UPDATE integration.integration_audit SET action = 'consumers.resume' WHERE at < '2026-01-02' AND id > 100002 OR actor = 'bob'`,
    );
    const filter = { actor: 'ann', action: 'consumers.resume' };
    const first = await audit().list(filter, { limit: 1 });
    expect(first).toEqual({
      entries: [],
      next: expect.any(Number),
      scannedTo: new Date('2026-01-02T10:00:00Z'),
    });
    expect(await all(filter, 1)).toHaveLength(2);
    expect(await all(filter, 50)).toHaveLength(2);
    // One filter has an index of its own, and finds what there is.
    expect(await audit().list({ action: 'consumers.resume' })).toMatchObject({ next: null, scannedTo: null });
    expect(await audit().list({ ...filter, since: new Date('2026-01-03T00:00:00Z') })).toEqual({
      entries: [],
      next: null,
      scannedTo: null,
    });
  });

  it('refuses what it cannot choose by', async () => {
    const invalid = { code: 'INTEGRATION_ADMIN_INVALID' };
    await expect(audit().list({ who: 'ann' } as object)).rejects.toMatchObject(invalid);
    await expect(audit().list({ actor: 'a\0' })).rejects.toMatchObject(invalid);
    await expect(audit().list({ since: new Date(Number.NaN) })).rejects.toMatchObject(invalid);
    await expect(audit().list({}, { after: 1.5 })).rejects.toMatchObject(invalid);
    expect((await audit().list({}, { limit: 5_000 })).entries).toEqual([]);
  });
});
