import type { SqlClient } from 'nestjs-integration';

/** $1: how many events, $2: their name, $3: the round, so that each conversation has a key of its own. */
export const FILL_LOG = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
  SELECT gen_random_uuid(), $2, 'bench', 'order', $3 || '-' || n, '{"total": 12.5, "currency": "EUR"}', '{}'::jsonb
  FROM generate_series(1, $1::int) AS n`;

/** The tables of somebody who writes it by hand: the same columns and indexes. */
export const CREATE_TABLES = `
  CREATE TABLE conversation (LIKE integration.saga_instance INCLUDING ALL);
  CREATE TABLE conversation_step (LIKE integration.saga_step INCLUDING ALL)`;

export const EMPTY = `
  TRUNCATE integration.saga_instance, integration.saga_step, integration.saga_waiting, conversation, conversation_step,
    integration.inbox_event, integration.outbox_event`;

/** How many conversations have so many steps. */
export const COUNT_DONE: Readonly<Record<'saga' | 'hand', string>> = {
  saga: 'SELECT count(*)::int AS done FROM integration.saga_step WHERE n = $1',
  hand: 'SELECT count(*)::int AS done FROM conversation_step WHERE n = $1',
};

export interface HandStep {
  readonly id: string;
  readonly outboxEventId: string;
  readonly n: number;
  readonly name: string;
  readonly before: string | null;
  readonly after: string;
}

export async function insertByHand(client: SqlClient, key: string, id: string, state: string): Promise<void> {
  await client.$executeRawUnsafe(
    `INSERT INTO conversation (saga, key, id, step, status, state, version, steps) VALUES ('hand', $1, $2::uuid, 'paying', 'active', $3::jsonb, 1, 1)`,
    key,
    id,
    state,
  );
}

export async function lockByHand(
  client: SqlClient,
  key: string,
): Promise<{ id: string; steps: number; state: unknown } | undefined> {
  const [row] = await client.$queryRawUnsafe<{ id: string; steps: number; state: unknown }[]>(
    `SELECT id::text AS id, steps, state FROM conversation WHERE saga = 'hand' AND key = $1 AND step = 'paying' FOR UPDATE`,
    key,
  );
  return row;
}

export async function updateByHand(
  client: SqlClient,
  key: string,
  steps: number,
  state: string,
): Promise<void> {
  await client.$executeRawUnsafe(
    `UPDATE conversation SET step = 'paid', state = $2::jsonb, steps = $3, changed_at = clock_timestamp() WHERE saga = 'hand' AND key = $1`,
    key,
    state,
    steps,
  );
}

export async function addStepByHand(client: SqlClient, step: HandStep): Promise<void> {
  await client.$executeRawUnsafe(
    `INSERT INTO conversation_step (id, n, outbox_event_id, name, step_before, step_after) VALUES ($1::uuid, $2, $3::uuid, $4, $5, $6)`,
    step.id,
    step.n,
    step.outboxEventId,
    step.name,
    step.before,
    step.after,
  );
}

/** What the steps of whole conversations write. */
export const CREATE_JOURNAL =
  'CREATE TABLE flow_journal (key text NOT NULL, step text NOT NULL, at timestamptz NOT NULL)';
/** $1: the conversation, $2: its step. */
export const NOTE_STEP = 'INSERT INTO flow_journal (key, step, at) VALUES ($1, $2, clock_timestamp())';
/** Conversations with each step exactly once. $1: their steps. */
export const COUNT_WHOLE = `
  SELECT count(*)::int AS whole FROM (
    SELECT FROM flow_journal GROUP BY key HAVING array_agg(step ORDER BY at) = $1::text[]) AS f`;

export async function noteStep(client: SqlClient, key: string, step: string): Promise<void> {
  await client.$executeRawUnsafe(NOTE_STEP, key, step);
}
