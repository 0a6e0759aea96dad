import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CALL } from '../support/call-rows.js';
import { runCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/**
 * Clears the screen, sets the title of the terminal, begins a line of its own, and turns the direction of
 * what follows. The second introducer is a single character beyond ASCII.
 */
const HOSTILE = 'x\x1b[2J\x1b]0;owned\x07\r\nSTATE forged\x9b31m\u202egnp\u2066';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

const EVENT = '00000000-0000-7000-8000-000000000001';
const OPERATION = '00000000-0000-7000-8000-000000000002';
const PROCESS = '00000000-0000-7000-8000-000000000003';
/** A name as publishers and subscribers may give it: without control characters. */
const NAME = 'order.\u202edecalp';

/** What a process says of a relay and a source that have such texts everywhere. */
const FIGURES = { seconds: 60, latency: [], broker: HOSTILE, addresses: [HOSTILE] };
const RELAYS = {
  relays: [
    {
      ...FIGURES,
      name: NAME,
      eventNames: [HOSTILE],
      counts: { accepted: 1, refused: 1, duplicates: 0, unaccepted: 0 },
      lastRefusal: { msAgo: 1, reason: HOSTILE, eventId: EVENT, eventName: HOSTILE, position: 1 },
    },
  ],
  sources: [
    {
      ...FIGURES,
      name: NAME,
      counts: { stored: 1, repeated: 0, rejected: 1 },
      lastRejection: { msAgo: 1, reason: HOSTILE },
      failing: { msAgo: 1, reason: HOSTILE },
    },
  ],
};

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const insert = (table: string, row: Record<string, unknown>) => {
    const names = Object.keys(row);
    return database.pool.query(
      `INSERT INTO integration.${table} (${names.join(', ')}) VALUES (${names.map((_, n) => `$${n + 1}`).join(', ')})`,
      Object.values(row),
    );
  };
  await insert('outbox_event', {
    id: EVENT,
    event_name: NAME,
    source_module: HOSTILE,
    aggregate_type: HOSTILE,
    aggregate_id: HOSTILE,
    payload: JSON.stringify({ text: HOSTILE }),
    metadata: JSON.stringify({ correlationId: HOSTILE, causationId: HOSTILE }),
    dedup_key: HOSTILE,
  });
  await insert('inbox_cursor', {
    consumer_name: NAME,
    event_names: [NAME],
    unread: '{[2,)}',
    paused_at: new Date(),
    paused_by: HOSTILE,
    pause_reason: HOSTILE,
    lease_owner: PROCESS,
    lease_expires_at: new Date(Date.now() + 3_600_000),
  });
  const attempt = { attempt: 1, at: new Date(), ms: 1, process: PROCESS, error: HOSTILE, fingerprint: 'f' };
  await insert('inbox_event', {
    outbox_event_id: EVENT,
    position: 1,
    consumer_name: NAME,
    aggregate_type: HOSTILE,
    aggregate_id: HOSTILE,
    status: 'dead_letter',
    attempt_count: 1,
    last_error: HOSTILE,
    error_fingerprint: 'f',
    attempts: JSON.stringify([{ ...attempt, host: HOSTILE, pid: 7 }]),
    resolution: JSON.stringify({ action: 'redrive', by: HOSTILE, reason: HOSTILE, at: new Date() }),
  });
  await insert('integration_failure_group', {
    consumer_name: NAME,
    fingerprint: 'f',
    note: HOSTILE,
    noted_by: HOSTILE,
    noted_at: new Date(),
  });
  await insert('integration_process', {
    id: PROCESS,
    role: 'all',
    host: HOSTILE,
    pid: 7,
    version: HOSTILE,
    handles: [NAME],
    parts: JSON.stringify({ relay: RELAYS }),
    working: JSON.stringify([
      {
        consumerName: NAME,
        partition: 0,
        position: 1,
        eventName: HOSTILE,
        attempt: 1,
        since: new Date(0),
        events: 1,
      },
    ]),
  });
  await insert('integration_setting_change', {
    key: 'core.integration.outbox.batchSize',
    new_value: '7',
    changed_by: HOSTILE,
  });
  await insert('integration_audit', {
    actor: HOSTILE,
    via: 'rest',
    action: 'consumers.pause',
    target: HOSTILE,
    reason: HOSTILE,
    outcome: 'done',
  });
  await insert('integration_operation', {
    id: OPERATION,
    kind: 'redrive',
    state: 'failed',
    filter: JSON.stringify({ consumerName: NAME, aggregateId: HOSTILE }),
    planned_events: 1,
    plan: JSON.stringify({ parts: [{ consumerName: NAME, fingerprint: HOSTILE, events: 1 }] }),
    error: HOSTILE,
    requested_by: HOSTILE,
    via: 'rest',
    reason: HOSTILE,
    cancelled_by: HOSTILE,
    finished_at: new Date(),
  });
  await insert('external_call', {
    id: CALL,
    tenant_id: HOSTILE,
    type: HOSTILE,
    group_key: HOSTILE,
    target: CALL,
    subject_type: HOSTILE,
    subject_id: HOSTILE,
    status: 'processing',
    request: JSON.stringify({ [HOSTILE]: HOSTILE }),
    error: JSON.stringify({ code: HOSTILE, message: HOSTILE }),
    external_id: HOSTILE,
    last_error: HOSTILE,
    caller: JSON.stringify({ saga: HOSTILE, key: HOSTILE }),
    cancel_reason: HOSTILE,
    deadline_at: new Date(),
  });
  await insert('external_call_report', {
    call_id: CALL,
    type: HOSTILE,
    external_id: HOSTILE,
    phase: 'processing',
    source: HOSTILE,
    data: JSON.stringify(HOSTILE),
  });
  await insert('integration_schedule', {
    name: 'hostile',
    cron: HOSTILE,
    time_zone: 'UTC',
    anchor_at: new Date(),
    missed: 'once',
    overlap: 'skip',
    consumer: HOSTILE,
    payload: JSON.stringify({ [HOSTILE]: HOSTILE }),
    place: HOSTILE,
    changed_by: HOSTILE,
  });
  const saga = randomUUID();
  await insert('saga_instance', {
    saga: HOSTILE,
    key: HOSTILE,
    id: saga,
    tenant_id: HOSTILE,
    step: HOSTILE,
    status: 'active',
    state: JSON.stringify({ [HOSTILE]: HOSTILE }),
    version: 1,
    steps: 1,
    timeouts: JSON.stringify({ [HOSTILE]: { token: saga, at: '2126-11-25T20:00:00.000Z' } }),
  });
  await insert('saga_step', { id: saga, n: 1, name: HOSTILE, step_after: HOSTILE, reason: HOSTILE });
  await insert('saga_waiting', {
    saga: HOSTILE,
    key: HOSTILE,
    position: 1,
    event: JSON.stringify({ outboxEventId: HOSTILE, eventName: HOSTILE }),
    wanted: [HOSTILE],
    until: new Date(),
    token: saga,
  });
});
afterAll(() => database.drop());

const COMMANDS: readonly string[][] = [
  ['status'],
  ['doctor'],
  ['problems'],
  ['flow'],
  ['flow', '--event', HOSTILE],
  ['changes'],
  ['changes', '--consumer', NAME],
  ['heat'],
  ['consumers', 'list'],
  ['consumers', 'show', NAME],
  ['consumers', 'show', NAME, '--state', 'dead'],
  ['dead-letters', 'list'],
  ['dead-letters', 'list', '--limit', '1'],
  ['dead-letters', 'groups'],
  ['dead-letters', 'redrive', '--aggregate-id', HOSTILE, '--dry-run'],
  ['dead-letters', 'discard', '--aggregate-id', HOSTILE, '--reason', 'x', '--dry-run'],
  ['operations', 'list'],
  ['operations', 'show', OPERATION],
  ['operations', 'cancel', OPERATION, '--yes'],
  ['events', 'list'],
  ['events', 'list', '--aggregate-id', HOSTILE, '--limit', '1'],
  ['events', 'show', EVENT, '--payload'],
  ['events', 'chain', EVENT],
  ['events', 'journey', EVENT],
  ['processes', 'list'],
  ['relays', 'list'],
  ['settings', 'history'],
  ['audit', 'list'],
  ['sagas', 'list'],
  ['sagas', 'show', HOSTILE, HOSTILE, '--with-state'],
  ['sagas', 'end', HOSTILE, HOSTILE, '--outcome', 'canceled', '--dry-run'],
  ['schedules', 'list'],
  ['schedules', 'show', 'hostile', '--with-data'],
  ['schedules', 'trigger', HOSTILE],
  ['calls', 'list'],
  ['calls', 'show', CALL, '--with-data'],
  ['calls', 'cancel', CALL, '--dry-run'],
  // What was typed or pasted is shown again.
  ['consumers', 'pause', HOSTILE],
  ['settings', 'set', HOSTILE, HOSTILE],
  ['consumers', 'show', NAME, '--state', HOSTILE],
  [HOSTILE],
];

describe('texts that would steer a terminal', () => {
  it.each(COMMANDS.map((words) => [words.map((word) => JSON.stringify(word)).join(' '), words] as const))(
    'are shown as escapes by %s',
    async (_, words) => {
      const { stdout, stderr } = await runCommand(words, database);
      expect(stdout + stderr).toMatch(/\w/);
      expect(stdout).not.toMatch(STEERING);
      expect(stderr).not.toMatch(STEERING);
      // A text of the database must not look like a line of the command.
      expect(stdout).not.toMatch(/^STATE forged/m);
      const asJson = await runCommand([...words, '--json'], database);
      expect(asJson.stdout).not.toMatch(STEERING);
      expect(asJson.stderr).not.toMatch(STEERING);
      expect(JSON.parse(asJson.stdout)).toBeInstanceOf(Object);
    },
  );

  it('are all there for a program that reads JSON', async () => {
    const { stdout } = await runCommand(['dead-letters', 'list', '--json'], database);
    expect(JSON.parse(stdout).deadLetters[0]).toMatchObject({ aggregateId: HOSTILE, lastError: HOSTILE });
  });

  it('are escapes in a question, too', async () => {
    const asked: string[] = [];
    const terminal = {
      ask: async (question: string) => {
        asked.push(question);
        return 'n';
      },
    };
    await runCommand(['consumers', 'remove', NAME, '--force'], database, terminal);
    expect(asked).toEqual([expect.stringContaining('order.\\u202edecalp')]);
    expect(asked[0]).not.toMatch(STEERING);
  });
});
