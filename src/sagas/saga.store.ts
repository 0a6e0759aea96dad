import type { SqlClient } from '../database/clients/sql-client.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { TRANSACTION_START } from '../database/sql/transaction-start.store.js';
import { arrayText } from '../database/wire/plain-values.js';
import type { DomainEvent, DomainEventInput } from '../events/domain-event.js';
import type { SagaStatus } from './saga-instance.js';

/** How many events may wait for one saga. */
export const MOST_WAITING = 1_000;

/** A timeout that is set: the token of its event, and when it is due. */
export interface SetTimeout {
  readonly token: string;
  /** Text of RFC 3339. */
  readonly at: string;
}

export type SetTimeouts = Readonly<Record<string, SetTimeout>>;

/** What is stored of a saga and changes with its steps. */
export interface SagaRow {
  readonly step: string;
  readonly status: SagaStatus;
  readonly state: unknown;
  readonly version: number;
  readonly undo: readonly DomainEventInput[];
  readonly timeouts: SetTimeouts;
}

/** A saga as it was found. Its row is locked. */
export interface FoundSaga extends SagaRow {
  readonly id: string;
  readonly tenantId: string;
  readonly steps: number;
  readonly changedAt: Date;
  /** Whether events wait for a step of it. */
  readonly hasWaiting: boolean;
}

/** One of all sagas, and the transaction in which its lock was taken. */
export interface LockedSaga {
  readonly saga: string;
  readonly key: string;
  /** When the transaction began. The rows are written in this transaction, or not at all. */
  readonly start: string;
}

/** One entry of the history, without its number. */
export interface NewEntry {
  readonly outboxEventId: string | null;
  readonly name: string;
  readonly before: string | null;
  readonly after: string;
  readonly reason?: string | undefined;
}

/** A row as it is written: the state is JSON text. */
export interface WrittenRow extends Omit<SagaRow, 'state'> {
  readonly state: string;
}

/** An event that waits, as its row is named. */
export interface Waiting {
  readonly position: number;
  readonly token: string;
}

/** An event that is to wait. */
export interface ToWait extends Waiting {
  readonly event: DomainEvent;
  /** The steps in which it is handled. Empty for any. */
  readonly wanted: readonly string[];
  readonly waitMs: number;
}

/** A turn that has the lock of its saga, and what was found. */
export interface BegunTurn {
  readonly locked: LockedSaga;
  /** Undefined where there is no saga of this key. */
  readonly found: FoundSaga | undefined;
}

interface BegunRow {
  readonly start: string;
  readonly instance: string | null;
  readonly waiting: string;
}

/** The row of a saga as JSON. */
interface InstanceJson {
  readonly id: string;
  readonly tenant_id: string;
  readonly step: string;
  readonly status: SagaStatus;
  readonly state: unknown;
  readonly version: number;
  readonly steps: number;
  readonly undo: readonly DomainEventInput[];
  readonly timeouts: SetTimeouts;
  readonly changed_at: string;
}

/** What a new saga has found when it was written. */
export interface CreatedSaga {
  /** Whether events wait for it. */
  readonly hasWaiting: boolean;
}

/*
 * Why a saga sees every event once, and no step is lost between two transactions.
 *
 * All who work on a saga (a step, a start, a timeout, the end by hand) take the advisory lock of its name and
 * key first, whether there is a row of it or not. They look in later statements. The first of these runs in
 * the same function as the lock. In READ COMMITTED a statement sees what was committed when it began. That
 * holds within a function too, if it is VOLATILE. So whoever gets the lock sees all that its last owner has
 * written. If one statement took the lock and looked, it would see what was there before it waited.
 *
 * Let e be an event for a step that is not reached, and r the transaction that reaches it. If e has the lock
 * first, its row of saga_waiting is committed before r looks, and r publishes it again. If r has it first, e
 * finds the step. A lock of the instance's row would not do, because before its start a saga has no row.
 *
 * The lock is released with the transaction. If a handler has ended its transaction, nothing may be written
 * any more, so each statement that writes compares the start of the transaction.
 */

/** Reads and writes sagas in the transaction of a step. Everything goes to the client as text. */
export class SagaStore {
  private readonly instance: string;
  private readonly step: string;
  private readonly waiting: string;
  private readonly schema: string;
  private readonly functions: Readonly<Record<'begin' | 'create' | 'save', string>>;

  constructor({ tables, schema }: Pick<EngineDatabase, 'tables' | 'schema'>) {
    this.instance = tables.sagaInstance;
    this.step = tables.sagaStep;
    this.waiting = tables.sagaWaiting;
    this.schema = schema;
    this.functions = { begin: tables.sagaBegin, create: tables.sagaCreate, save: tables.sagaSave };
  }

  /** Waits for the lock of a saga, finds it behind that, and locks its row against retention. */
  async begin(client: SqlClient, saga: string, key: string): Promise<BegunTurn> {
    const lock = JSON.stringify([this.schema, saga, key]);
    const [row] = await client.$queryRawUnsafe<BegunRow[]>(
      `SELECT start, instance, waiting FROM ${this.functions.begin}($1::text, $2::text, $3::text)`,
      lock,
      saga,
      key,
    );
    const { start = '', instance = null, waiting = '' } = row ?? {};
    const locked = { saga, key, start };
    if (instance === null) return { locked, found: undefined };
    return { locked, found: foundOf(JSON.parse(instance) as InstanceJson, waiting === 'true') };
  }

  /** Writes a new saga with its first entries. Undefined if there is one, or the transaction has ended. */
  async create(
    client: SqlClient,
    locked: LockedSaga,
    row: WrittenRow & Pick<FoundSaga, 'id' | 'tenantId'>,
    entries: readonly NewEntry[],
  ): Promise<CreatedSaga | undefined> {
    const written = await this.written(client, this.functions.create, locked, { ...row, steps: 0 }, entries);
    if (written === null) return undefined;
    await this.addEntries(client, row.id, entries.slice(1), 1);
    return { hasWaiting: written === 'true' };
  }

  /** Writes what a step has changed, with its entries. False if the transaction has ended. */
  async save(
    client: SqlClient,
    locked: LockedSaga,
    row: WrittenRow & Pick<FoundSaga, 'steps'>,
    entries: readonly NewEntry[],
  ): Promise<boolean> {
    const id = await this.written(client, this.functions.save, locked, row, entries);
    if (id === null) return false;
    await this.addEntries(client, id, entries.slice(1), row.steps + 1);
    return true;
  }

  /** Adds an entry to the history, and changes nothing else. False if the transaction has ended. */
  async note(
    client: SqlClient,
    { saga, key, start }: LockedSaga,
    steps: number,
    entry: NewEntry,
  ): Promise<boolean> {
    const { outboxEventId, name, before, after, reason = null } = entry;
    const rows = await client.$queryRawUnsafe<unknown[]>(
      `WITH written AS (
         UPDATE ${this.instance} SET steps = $4::text::int WHERE saga = $1 AND key = $2 AND ${TRANSACTION_START} = $3 RETURNING id, steps)
       INSERT INTO ${this.step} (id, n, outbox_event_id, name, step_before, step_after, reason)
       SELECT id, steps, $5::text::uuid, $6::text, $7::text, $8::text, $9::text FROM written RETURNING n::text AS n`,
      saga,
      key,
      start,
      String(steps + 1),
      outboxEventId,
      name,
      before,
      after,
      reason,
    );
    return rows.length > 0;
  }

  /** Whether the history of a saga has a step of this event. */
  async wasHandled(client: SqlClient, id: string, outboxEventId: string): Promise<boolean> {
    const rows = await client.$queryRawUnsafe<unknown[]>(
      `SELECT n::text AS n FROM ${this.step} WHERE id = $1::text::uuid AND outbox_event_id = $2::text::uuid LIMIT 1`,
      id,
      outboxEventId,
    );
    return rows.length > 0;
  }

  /** Keeps an event until its step is reached. False if too many wait for the saga. */
  async wait(
    client: SqlClient,
    { saga, key }: LockedSaga,
    { event, position, wanted, waitMs, token }: ToWait,
  ): Promise<boolean> {
    const rows = await client.$queryRawUnsafe<unknown[]>(
      `INSERT INTO ${this.waiting} AS w (saga, key, position, event, wanted, until, token)
       SELECT $1::text, $2::text, $3::text::bigint, $4::text::jsonb, $5::text::text[],
         clock_timestamp() + $6::text::float8 * interval '1 millisecond', $7::text::uuid
       WHERE (SELECT count(*) FROM (SELECT FROM ${this.waiting} WHERE saga = $1::text AND key = $2::text LIMIT ${MOST_WAITING}) AS others) < ${MOST_WAITING}
       ON CONFLICT (saga, key, position) DO UPDATE
         SET wanted = excluded.wanted, until = excluded.until, token = excluded.token, released_at = NULL
       RETURNING w.position::text AS position`,
      saga,
      key,
      String(position),
      JSON.stringify(event),
      arrayText(wanted),
      String(waitMs),
      token,
    );
    return rows.length > 0;
  }

  /** Takes the event out that waited under this token, and returns it. */
  async takeWaiting(
    client: SqlClient,
    { saga, key }: LockedSaga,
    { position, token }: Waiting,
  ): Promise<DomainEvent | undefined> {
    const [row] = await client.$queryRawUnsafe<{ event: string }[]>(
      `DELETE FROM ${this.waiting} WHERE saga = $1 AND key = $2 AND position = $3::text::bigint AND token = $4::text::uuid
       RETURNING event::text AS event`,
      saga,
      key,
      String(position),
      token,
    );
    return row && eventOf(row.event);
  }

  /** The event that waits under this token and was not released. */
  async stillWaiting(
    client: SqlClient,
    { saga, key }: LockedSaga,
    { position, token }: Waiting,
  ): Promise<{ event: DomainEvent; wanted: readonly string[] } | undefined> {
    const [row] = await client.$queryRawUnsafe<{ event: string; wanted: string }[]>(
      `SELECT event::text AS event, to_jsonb(wanted)::text AS wanted FROM ${this.waiting}
       WHERE saga = $1 AND key = $2 AND position = $3::text::bigint AND token = $4::text::uuid AND released_at IS NULL`,
      saga,
      key,
      String(position),
      token,
    );
    return row && { event: eventOf(row.event), wanted: JSON.parse(row.wanted) as string[] };
  }

  /** Releases the events that are handled in this step, and returns them in their order. */
  async release(client: SqlClient, { saga, key }: LockedSaga, step: string): Promise<readonly Waiting[]> {
    const rows = await client.$queryRawUnsafe<{ position: string; token: string }[]>(
      `UPDATE ${this.waiting} SET released_at = clock_timestamp()
       WHERE saga = $1 AND key = $2 AND released_at IS NULL AND (wanted = '{}' OR $3::text = ANY (wanted))
       RETURNING position::text AS position, token::text AS token`,
      saga,
      key,
      step,
    );
    return rows
      .map(({ position, token }) => ({ position: Number(position), token }))
      .sort((one, other) => one.position - other.position);
  }

  /** Drops all events that wait for a saga, and returns them in their order. */
  async dropWaiting(
    client: SqlClient,
    { saga, key }: LockedSaga,
  ): Promise<readonly Pick<DomainEvent, 'outboxEventId' | 'eventName'>[]> {
    const rows = await client.$queryRawUnsafe<{ position: string; id: string; name: string }[]>(
      `DELETE FROM ${this.waiting} WHERE saga = $1 AND key = $2
       RETURNING position::text AS position, event->>'outboxEventId' AS id, event->>'eventName' AS name`,
      saga,
      key,
    );
    return rows
      .sort((one, other) => Number(one.position) - Number(other.position))
      .map(({ id, name }) => ({ outboxEventId: id, eventName: name }));
  }

  /**
   * Writes a saga and the first entry, by one of the functions that take both. The other entries are those of
   * events that waited when the saga ended. They are rare, so they have a statement of their own.
   */
  private async written(
    client: SqlClient,
    write: string,
    { saga, key, start }: LockedSaga,
    row: WrittenRow & Pick<FoundSaga, 'steps'> & Partial<Pick<FoundSaga, 'id' | 'tenantId'>>,
    entries: readonly NewEntry[],
  ): Promise<string | null> {
    const [first] = entries;
    if (first === undefined) throw new Error('each write of a saga has an entry');
    const { id = null, tenantId = null, step, status, state, version, steps, undo, timeouts } = row;
    const { outboxEventId, name, before, after, reason = null } = first;
    const columns = [saga, key, start, id, tenantId, step, status];
    // The state is JSON already.
    const saved = `${columns.map((column) => JSON.stringify(column)).join()},${state},${version},${steps + entries.length},${JSON.stringify(undo)},${JSON.stringify(timeouts)}`;
    const entry = JSON.stringify([steps + 1, outboxEventId, name, before, after, reason]);
    const [answer] = await client.$queryRawUnsafe<{ written: string | null }[]>(
      `SELECT ${write}($1::text::jsonb) AS written`,
      `[[${saved}],${entry}]`,
    );
    return answer?.written ?? null;
  }

  private async addEntries(
    client: SqlClient,
    id: string,
    entries: readonly NewEntry[],
    after: number,
  ): Promise<void> {
    if (entries.length === 0) return;
    await client.$queryRawUnsafe<unknown[]>(
      `INSERT INTO ${this.step} (id, n, outbox_event_id, name, step_before, step_after, reason)
       SELECT $1::text::uuid, (e->>'n')::int, (e->>'outboxEventId')::uuid, e->>'name', e->>'before', e->>'after', e->>'reason'
       FROM jsonb_array_elements($2::text::jsonb) AS e RETURNING n::text AS n`,
      id,
      JSON.stringify(entries.map((entry, i) => ({ ...entry, n: after + i + 1 }))),
    );
  }
}

function foundOf(json: InstanceJson, hasWaiting: boolean): FoundSaga {
  const { id, tenant_id: tenantId, step, status, state, version, steps, undo, timeouts } = json;
  const changedAt = new Date(json.changed_at);
  return { id, tenantId, step, status, state, version, steps, undo, timeouts, changedAt, hasWaiting };
}

/** The event as a handler gets it. */
function eventOf(text: string): DomainEvent {
  const event = JSON.parse(text) as DomainEvent & { timestamp: string };
  return { ...event, timestamp: new Date(event.timestamp) };
}
