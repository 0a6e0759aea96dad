import { randomBytes } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Terminal } from '../../src/cli/confirmation.js';
import type { AuditEntry } from '../../src/index.js';
import { SecretService, staticKeys } from '../../src/secrets/index.js';
import { CALL, withCall } from '../support/call-rows.js';
import { type CommandOutcome, runCommandIn } from '../support/command.js';
import { COMMANDS } from '../support/commands.js';
import { DESTINATION, withDeadWebhook } from '../support/dead-webhook.js';
import { SAGA, withDeadLetterOfSaga, withSaga } from '../support/saga-rows.js';
import { SCHEDULE, withSchedule } from '../support/schedule-rows.js';
import { startSecretsApp } from '../support/secrets-app.js';
import { endRehearsalsAtOnce, nameHandlingProcess } from '../support/stub-rehearsals.js';
import { tableContents } from '../support/table-contents.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type Receiver, startReceiver } from '../webhooks/sending-stage.js';

const BATCH_SIZE = 'core.integration.outbox.batchSize';
const [OLD, NEW] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const EVENT = '00000000-0000-7000-8000-000000000001';
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

let database: TestDatabase;

/** Three dead letters of `billing`, on which nobody works. */
beforeEach(async () => {
  database = await createTestDatabase();
  await database.pool.query(`
    INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id)
      SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'order.placed', 'test', 'order', n::text FROM generate_series(1, 3) n;
    INSERT INTO integration.inbox_cursor (consumer_name, event_names, starts_at, unread)
      VALUES ('billing', '{order.placed,order.paid}', 1, '{[4,)}');
    INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, attempt_count, last_error, error_fingerprint)
      SELECT id, position, 'billing', aggregate_type, aggregate_id, 'dead_letter', 1, 'down', 'f' FROM integration.outbox_event;`);
});
afterEach(() => database.drop());

/** Runs a command line where there is no terminal, unless one is given. */
function run(words: string, terminal?: Terminal): Promise<CommandOutcome> {
  const environment = {
    ...process.env,
    DATABASE_URL: database.url,
    INTEGRATION_KEYS: `new=${NEW},old=${OLD}`,
  };
  return runCommandIn({ folder: tmpdir(), environment, terminal }, words.split(' '));
}

/** Somebody at a terminal who does not agree. */
const REFUSING: Terminal = { ask: async () => 'n' };

async function audit(): Promise<AuditEntry[]> {
  const { rows } = await database.pool.query<AuditEntry>(
    'SELECT *, affected::int FROM integration.integration_audit ORDER BY id DESC',
  );
  return rows;
}

/** A secret that the old key has wrapped. */
async function withSecret(): Promise<void> {
  const app = await startSecretsApp(database, staticKeys({ old: OLD }));
  const owner = { tenantId: 'acme', ownerType: 'webhook_endpoint', ownerId: 'e1' };
  await app.get(SecretService).store({ ...owner, name: 'signing' }, 'planted');
  await app.close();
}

let receiver: Receiver | undefined;
afterEach(() => receiver?.close());

/** A destination with a secret, whose receiver is on this machine. */
async function withReceiver(): Promise<void> {
  await withDeadWebhook(database);
  await run(`webhooks rotate-secret ${DESTINATION} --yes`);
  receiver = await startReceiver();
  await database.pool.query('UPDATE integration.webhook_destination SET url = $1', [receiver.url]);
}

/** A destination, and events that may be sent to it. */
async function withPublicEvents(): Promise<void> {
  await withDeadWebhook(database);
  await database.pool.query(
    `INSERT INTO integration.event_contract (event_name, version, visibility) VALUES ('order.placed', 1, 'public')`,
  );
}

async function operationId(): Promise<string> {
  const { rows } = await database.pool.query<{ id: string }>(
    'SELECT id FROM integration.integration_operation LIMIT 1',
  );
  return rows[0]?.id ?? '';
}

interface Write {
  /** Everything but the options of every change. `<operation>` stands for the stored operation. */
  readonly words: string;
  readonly given?: () => Promise<unknown>;
  readonly noted: Readonly<Record<string, unknown>>;
}

const DETACHED = '--detach --rate 1';
const setBatchSize = (value: number) => run(`settings set batchSize ${value} --by somebody --yes`);
const startOperation = () => run(`dead-letters redrive --yes ${DETACHED}`);
const running = { before: { state: 'planned', changed: 0 }, action: 'operations.run' };

/** Every command that changes something, and calls of it. A new one must be listed here, or below. */
const WRITES: Readonly<Record<string, readonly Write[]>> = {
  'settings set': [
    {
      words: 'settings set batchSize 44',
      noted: {
        action: 'settings.change',
        target: `setting/${BATCH_SIZE}`,
        before: { [BATCH_SIZE]: null },
        after: { [BATCH_SIZE]: 44 },
        affected: 1,
      },
    },
  ],
  'settings reset': [
    {
      words: 'settings reset batchSize',
      given: () => setBatchSize(41),
      noted: {
        action: 'settings.change',
        target: `setting/${BATCH_SIZE}`,
        before: { [BATCH_SIZE]: 41 },
        after: { [BATCH_SIZE]: null },
      },
    },
  ],
  'settings restore': [
    {
      words: 'settings restore 1',
      given: async () => {
        await setBatchSize(41);
        await setBatchSize(42);
      },
      noted: {
        action: 'settings.change',
        target: `setting/${BATCH_SIZE}`,
        before: { [BATCH_SIZE]: 42 },
        after: { [BATCH_SIZE]: 41 },
      },
    },
  ],
  'consumers pause': [
    {
      words: 'consumers pause billing',
      noted: {
        action: 'consumers.pause',
        target: 'consumer/billing',
        before: { paused: false },
        after: { paused: true },
        affected: 1,
      },
    },
  ],
  'consumers resume': [
    {
      words: 'consumers resume billing',
      given: () => run('consumers pause billing --yes'),
      noted: {
        action: 'consumers.resume',
        target: 'consumer/billing',
        before: { paused: true },
        after: { paused: false },
        affected: 1,
      },
    },
  ],
  'consumers repartition': [
    {
      words: 'consumers repartition billing 3',
      noted: {
        action: 'consumers.repartition',
        target: 'consumer/billing',
        before: { partitions: 1, repartitioningTo: null },
        after: { partitions: 3 },
      },
    },
  ],
  'consumers discard': [
    {
      words: `consumers discard billing ${DETACHED}`,
      noted: {
        ...running,
        target: expect.stringMatching(/^operation\//),
        after: { state: 'running', kind: 'discard', filter: { consumerName: 'billing' } },
      },
    },
    {
      words: 'consumers discard billing --position 2',
      noted: {
        action: 'events.discard',
        target: 'consumer/billing/event/2',
        after: { filter: { consumerName: 'billing', position: 2 } },
        affected: 1,
      },
    },
  ],
  'consumers rename': [
    {
      words: 'consumers rename billing invoicing',
      noted: {
        action: 'consumers.rename',
        target: 'consumer/billing',
        before: { name: 'billing' },
        after: { name: 'invoicing' },
        affected: 1,
      },
    },
  ],
  'consumers remove-names': [
    {
      words: 'consumers remove-names billing order.paid',
      noted: {
        action: 'consumers.remove-names',
        target: 'consumer/billing',
        before: { eventNames: ['order.placed', 'order.paid'] },
        after: { eventNames: ['order.placed'] },
        affected: 1,
      },
    },
  ],
  'consumers remove': [
    {
      words: 'consumers remove billing',
      noted: {
        action: 'consumers.remove',
        target: 'consumer/billing',
        before: { partitions: 1, eventNames: ['order.placed', 'order.paid'] },
        affected: 1,
      },
    },
  ],
  'dead-letters redrive': [
    {
      words: 'dead-letters redrive --position 2',
      noted: {
        action: 'events.redrive',
        target: 'consumer/billing/event/2',
        after: { filter: { consumerName: 'billing', position: 2 } },
        affected: 1,
      },
    },
    {
      words: `dead-letters redrive --consumer billing ${DETACHED}`,
      noted: {
        ...running,
        target: expect.stringMatching(/^operation\/[0-9a-f-]{36}$/),
        after: { state: 'running', kind: 'redrive', filter: { consumerName: 'billing' } },
      },
    },
  ],
  'dead-letters discard': [
    {
      words: `dead-letters discard ${EVENT}`,
      noted: {
        action: 'events.discard',
        target: `consumer/billing/event/${EVENT}`,
        after: { filter: { consumerName: 'billing', outboxEventId: EVENT } },
        affected: 1,
      },
    },
    {
      words: `dead-letters discard --fingerprint f ${DETACHED}`,
      noted: {
        ...running,
        target: expect.stringMatching(/^operation\//),
        after: { state: 'running', kind: 'discard', filter: { errorFingerprint: 'f' } },
      },
    },
  ],
  'dead-letters rehearse': [
    {
      given: async () => {
        await nameHandlingProcess(database, 'billing');
        await endRehearsalsAtOnce(database);
      },
      words: `dead-letters rehearse ${EVENT} --consumer billing`,
      noted: {
        action: 'dead-letters.rehearse',
        target: `consumer/billing/event/${EVENT}`,
        after: { rehearsal: expect.any(String) },
      },
    },
  ],
  replay: [
    {
      words: `replay billing --from 1 ${DETACHED}`,
      noted: {
        ...running,
        target: expect.stringMatching(/^operation\//),
        after: expect.objectContaining({ kind: 'replay', filter: { consumerName: 'billing', from: 1 } }),
      },
    },
    {
      words: 'replay billing --from 2 --at-once',
      noted: {
        action: 'consumers.replay',
        target: 'consumer/billing',
        after: { from: 2, to: 3 },
        affected: 2,
      },
    },
  ],
  'operations pause': [
    {
      words: 'operations pause <operation>',
      given: startOperation,
      noted: {
        action: 'operations.pause',
        target: expect.stringMatching(/^operation\//),
        before: { state: 'running', changed: 0 },
        after: expect.objectContaining({ state: 'paused', kind: 'redrive' }),
      },
    },
  ],
  'operations resume': [
    {
      words: 'operations resume <operation>',
      given: async () => {
        await startOperation();
        await database.pool.query(`UPDATE integration.integration_operation SET state = 'paused'`);
      },
      noted: {
        action: 'operations.resume',
        target: expect.stringMatching(/^operation\//),
        before: { state: 'paused', changed: 0 },
        after: expect.objectContaining({ state: 'running', kind: 'redrive' }),
      },
    },
  ],
  'operations rate': [
    {
      words: 'operations rate <operation> --rate 7',
      given: startOperation,
      noted: {
        action: 'operations.rate',
        target: expect.stringMatching(/^operation\//),
        before: expect.objectContaining({ state: 'running', changed: 0 }),
        after: expect.objectContaining({ state: 'running', rate: 7 }),
      },
    },
  ],
  'operations cancel': [
    {
      words: 'operations cancel <operation>',
      given: startOperation,
      noted: {
        action: 'operations.cancel',
        target: expect.stringMatching(/^operation\//),
        before: { state: 'running', changed: 0 },
        after: expect.objectContaining({ state: 'cancelled', kind: 'redrive' }),
      },
    },
  ],
  'webhooks test': [
    {
      words: `webhooks test ${DESTINATION} --type order.placed --allow 127.0.0.1 --http`,
      given: withReceiver,
      noted: {
        action: 'webhook-destinations.test',
        target: `webhook-destination/${DESTINATION}`,
        after: { type: 'order.placed', webhookId: expect.stringMatching(/^msg_test_/) },
        affected: 1,
      },
    },
  ],
  'webhooks replay': [
    {
      words: `webhooks replay ${DESTINATION} --since 2020-01-01T00:00:00Z ${DETACHED}`,
      given: withPublicEvents,
      noted: { ...running, target: expect.stringMatching(/^operation\//) },
    },
  ],
  'webhooks rotate-secret': [
    {
      words: `webhooks rotate-secret ${DESTINATION} --overlap-hours 2`,
      given: () => withDeadWebhook(database),
      noted: {
        action: 'webhook-destinations.rotate-secret',
        target: `webhook-destination/${DESTINATION}`,
        // Nothing of the secret.
        after: { version: 1, overlapMs: 7_200_000 },
        affected: 1,
      },
    },
  ],
  'webhooks redrive': [
    {
      words: `webhooks redrive --destination ${DESTINATION} ${DETACHED}`,
      given: () => withDeadWebhook(database),
      noted: { ...running, target: expect.stringMatching(/^operation\//) },
    },
    {
      words: `webhooks redrive ${DESTINATION}.1`,
      given: () => withDeadWebhook(database),
      noted: {
        action: 'webhook-deliveries.redrive',
        target: `webhook-delivery/${DESTINATION}.1`,
        before: { status: 'dead' },
        affected: 1,
      },
    },
  ],
  'sagas end': [
    {
      words: `sagas end ${SAGA.name} ${SAGA.key} --outcome undone`,
      given: () => withSaga(database),
      noted: {
        action: 'sagas.end',
        target: `saga/${SAGA.name}/${SAGA.key}`,
        before: { status: 'active', step: 'paying' },
        after: { status: 'undone' },
        affected: 1,
      },
    },
  ],
  'sagas retry': [
    {
      words: `sagas retry ${SAGA.name} ${SAGA.key}`,
      given: () => withDeadLetterOfSaga(database),
      noted: {
        action: 'events.redrive',
        target: expect.stringMatching(/^consumer\/saga\.order\/event\//),
        affected: 1,
      },
    },
  ],
  'schedules pause': [
    {
      words: `schedules pause ${SCHEDULE}`,
      given: () => withSchedule(database),
      noted: { action: 'schedules.pause', target: `schedule/${SCHEDULE}`, affected: 1 },
    },
  ],
  'schedules resume': [
    {
      words: `schedules resume ${SCHEDULE}`,
      given: () => withSchedule(database),
      noted: { action: 'schedules.resume', target: `schedule/${SCHEDULE}`, affected: 1 },
    },
  ],
  'schedules trigger': [
    {
      words: `schedules trigger ${SCHEDULE}`,
      given: () => withSchedule(database),
      noted: { action: 'schedules.trigger', target: `schedule/${SCHEDULE}`, affected: 1 },
    },
  ],
  'schedules remove': [
    {
      words: `schedules remove ${SCHEDULE}`,
      given: () => withSchedule(database),
      noted: { action: 'schedules.remove', target: `schedule/${SCHEDULE}`, affected: 1 },
    },
  ],
  'calls check': [
    {
      words: `calls check ${CALL}`,
      given: () => withCall(database, { status: 'processing' }),
      noted: { action: 'calls.check', target: `call/${CALL}`, after: { status: 'processing' }, affected: 1 },
    },
  ],
  'calls retry': [
    {
      words: `calls retry ${CALL}`,
      given: () => withCall(database),
      noted: {
        action: 'calls.retry',
        target: `call/${CALL}`,
        before: { status: 'failed' },
        after: { status: 'requested', callId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
        affected: 1,
      },
    },
  ],
  'calls cancel': [
    {
      words: `calls cancel ${CALL}`,
      given: () => withCall(database, { status: 'requested', attempts: 0 }),
      noted: {
        action: 'calls.cancel',
        target: `call/${CALL}`,
        before: { status: 'requested' },
        after: { status: 'canceled' },
        affected: 1,
      },
    },
  ],
  'keys rotate': [
    {
      words: 'keys rotate',
      given: withSecret,
      noted: { action: 'keys.rotate', target: 'key/new', before: ['old'], after: 'new', affected: 1 },
    },
  ],
  'keys reseal': [
    {
      words: 'keys reseal --tenant acme',
      given: withSecret,
      noted: {
        action: 'keys.reseal',
        target: 'tenant/acme',
        before: expect.any(String),
        after: expect.any(String),
      },
    },
  ],
};

/**
 * `migrate` keeps its own list, because the table of the audit is one of those that it makes. It asks nobody,
 * because a deployment runs it.
 */
const NOTED_ELSEWHERE = ['migrate'];

/** A call of every other command. None of them changes what stands in the database. */
const READS: Readonly<Record<string, string>> = {
  status: 'status',
  doctor: 'doctor',
  flow: 'flow',
  changes: 'changes',
  heat: 'heat',
  problems: 'problems',
  'webhooks sources': 'webhooks sources',
  'webhooks refusals': 'webhooks refusals',
  'webhooks endpoints': 'webhooks endpoints',
  'webhooks destinations': 'webhooks destinations',
  'webhooks deliveries': `webhooks deliveries ${DESTINATION}`,
  'relays list': 'relays list',
  'sagas list': 'sagas list',
  'sagas show': `sagas show ${SAGA.name} ${SAGA.key}`,
  'schedules list': 'schedules list',
  'schedules show': `schedules show ${SCHEDULE}`,
  'schedules preview': `schedules preview ${SCHEDULE}`,
  'calls list': 'calls list',
  'calls show': `calls show ${CALL}`,
  'settings list': 'settings list',
  'settings preview': 'settings preview batchSize 44',
  'settings history': 'settings history',
  'consumers list': 'consumers list',
  'consumers show': 'consumers show billing',
  'dead-letters list': 'dead-letters list',
  'dead-letters groups': 'dead-letters groups',
  'operations list': 'operations list',
  'operations show': 'operations show <operation>',
  'events list': 'events list',
  'events show': `events show ${EVENT} --payload`,
  'events compare': `events compare ${EVENT} billing 1 1`,
  'events chain': `events chain ${EVENT}`,
  'events journey': `events journey ${EVENT}`,
  'contracts list': 'contracts list',
  'contracts show': 'contracts show order.placed',
  'contracts check': 'contracts check',
  'contracts export': `contracts export --out ${join(tmpdir(), 'never-written')}`,
  'processes list': 'processes list',
  'audit list': 'audit list',
  'secrets list': 'secrets list',
  'keys list': 'keys list',
};

const EVERY_WRITE = Object.values(WRITES).flat();
const completed = async (words: string) => words.replace('<operation>', await operationId());
const reasonOf = (words: string) => (/discard/.test(words) ? ' --reason because' : '');

describe('the commands', () => {
  it('are known here, each of them', () => {
    const listed = [...Object.keys(WRITES), ...NOTED_ELSEWHERE, ...Object.keys(READS)];
    expect(COMMANDS.map(({ name }) => name).sort()).toEqual(listed.sort());
    for (const [name, calls] of Object.entries(WRITES))
      expect([name, calls.length > 0]).toEqual([name, true]);
  });

  it('that change something take --by, --reason, --dry-run and --yes, and the others none of them', () => {
    for (const { name, options = {} } of COMMANDS) {
      const expected =
        name in WRITES ? ['by', 'dry-run', 'reason', 'yes'] : name === 'migrate' ? ['dry-run'] : [];
      const has = Object.keys(options).filter((each) => ['by', 'dry-run', 'reason', 'yes'].includes(each));
      expect([name, has.sort()]).toEqual([name, expected]);
    }
  });
});

describe('a command that changes something', () => {
  it.each(EVERY_WRITE)('has one row in the audit, with all that is known: $words', async (write) => {
    await write.given?.();
    const before = await audit();
    const words = `${await completed(write.words)} --by ann --reason because --json --yes`;
    const { status, stdout } = await run(words);
    expect([status, JSON.parse(stdout)]).toEqual([0, expect.any(Object)]);
    const [entry, ...others] = await audit();
    expect(others).toEqual(before);
    expect(entry).toMatchObject({
      actor: 'ann',
      via: 'cli',
      reason: 'because',
      outcome: 'done',
      idempotency_key: null,
      ...write.noted,
    });
  });

  it.each(EVERY_WRITE)(
    'has the user of the machine as its author if none is named: $words',
    async (write) => {
      await write.given?.();
      const before = (await audit()).length;
      const words = await completed(write.words);
      await run(`${words}${reasonOf(words)} --yes`);
      const entries = await audit();
      expect(entries).toHaveLength(before + 1);
      expect(entries[0]).toMatchObject({ actor: `cli:${userInfo().username}`, via: 'cli' });
    },
  );

  it.each(EVERY_WRITE)('with --dry-run changes nothing in any table: $words', async (write) => {
    await write.given?.();
    const words = await completed(write.words);
    const before = await tableContents(database);
    for (const yes of ['', ' --yes']) {
      const { status, stdout } = await run(`${words} --by ann --reason because --dry-run${yes}`);
      expect([status, stdout]).toEqual([0, expect.stringContaining('Nothing was changed.')]);
    }
    expect(await tableContents(database)).toEqual(before);
  });

  it.each(EVERY_WRITE)(
    'asks at a terminal, and without one changes nothing in any table unless --yes is given: $words',
    async (write) => {
      await write.given?.();
      const before = await tableContents(database);
      const words = `${await completed(write.words)} --reason because`;
      const refused = await run(words, REFUSING);
      expect([refused.status, refused.stdout]).toEqual([1, '']);
      expect(refused.stderr).toContain('Nothing was changed.');
      const unasked = await run(words);
      expect([unasked.status, unasked.stdout]).toEqual([2, '']);
      expect(unasked.stderr).toContain('There is no terminal to ask: give --yes');
      const asJson = await run(`${words} --json`);
      expect([asJson.status, JSON.parse(asJson.stdout)]).toEqual([
        2,
        { error: { message: expect.stringContaining('give --yes') } },
      ]);
      expect(await tableContents(database)).toEqual(before);
    },
  );

  it.each(EVERY_WRITE)(
    'called again, is noted again only if it changes something again: $words',
    async (write) => {
      await write.given?.();
      const all = `${await completed(write.words)} --by ann --reason because --yes`;
      await run(all);
      const [noted, contents] = [(await audit()).length, await tableContents(database)];
      await run(all);
      const after = await tableContents(database);
      const isSame = Object.entries(after).every(([table, sum]) => contents[table] === sum);
      expect((await audit()).length - noted).toBe(isSame ? 0 : 1);
    },
  );

  it('that asks for the same number of partitions again is noted once', async () => {
    // A process that holds the consumer and hands over nothing: the change stays asked for.
    await database.pool.query(`
      INSERT INTO integration.integration_process (id, role, host, pid) VALUES ('${UNKNOWN}', 'worker', 'machine', 42);
      UPDATE integration.inbox_cursor SET lease_owner = '${UNKNOWN}', lease_token = gen_random_uuid(), lease_expires_at = now() + interval '1 hour'`);
    for (const by of ['ann', 'bob']) {
      const { status, stdout } = await run(`consumers repartition billing 3 --timeout 1 --by ${by} --yes`);
      expect([status, stdout]).toEqual([1, expect.stringContaining('Not done yet')]);
    }
    expect(await audit()).toMatchObject([{ actor: 'ann', action: 'consumers.repartition' }]);
    await run('consumers repartition billing 1 --timeout 1 --by eve --yes');
    expect((await audit())[0]).toMatchObject({ actor: 'eve', after: { partitions: 1 } });
  });

  it.each([
    ['settings set batchSize 0', 2],
    ['settings set nonsense 1', 2],
    ['settings reset nonsense', 2],
    ['settings restore 99', 2],
    ['consumers pause nobody', 1],
    ['consumers resume nobody', 1],
    ['consumers repartition nobody 3', 1],
    ['consumers repartition billing 999999', 2],
    ['consumers discard billing', 2],
    ['consumers discard billing --state unread --reason x', 2],
    ['consumers rename nobody somebody', 1],
    ['consumers rename billing billing', 2],
    ['consumers remove-names billing order.found', 2],
    ['consumers remove nobody', 1],
    ['dead-letters redrive --rate 0', 2],
    ['dead-letters redrive --rate 1000000', 2],
    ['dead-letters discard --reason x', 2],
    ['dead-letters discard --fingerprint f', 2],
    ['replay nobody --from 1', 1],
    ['replay nobody --from 1 --at-once', 1],
    ['replay billing --from 5 --to 3', 2],
    [`operations cancel ${UNKNOWN}`, 1],
    ['consumers pause billing --by ', 2],
    [`consumers pause billing --by ${'x'.repeat(256)}`, 2],
    [`consumers pause billing --reason ${'x'.repeat(10_001)}`, 2],
    [`settings set batchSize 44 --reason a\ud800`, 2],
  ])('that is refused changes nothing in any table: %s', async (words, status) => {
    const before = await tableContents(database);
    const refused = await run(`${words} --yes`);
    expect([refused.status, refused.stdout]).toEqual([status, '']);
    expect(refused.stderr).toMatch(/\w/);
    expect(await tableContents(database)).toEqual(before);
  });

  it('that cannot be noted does not happen', async () => {
    await database.pool.query(
      `ALTER TABLE integration.integration_audit ADD CONSTRAINT refused CHECK (actor <> 'mallory')`,
    );
    const before = await tableContents(database);
    const { status, stdout, stderr } = await run('consumers pause billing --by mallory --yes');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^Error: /);
    expect(await tableContents(database)).toEqual(before);
  });
});

describe('a command that only reads', () => {
  it.each(Object.values(READS))('changes nothing in any table: %s', async (words) => {
    await withSecret();
    await startOperation();
    const before = await tableContents(database);
    const { stdout, stderr } = await run(await completed(words));
    expect(stdout + stderr).toMatch(/\w/);
    expect(await tableContents(database)).toEqual(before);
  });
});
