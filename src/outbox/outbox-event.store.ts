import { Injectable } from '@nestjs/common';
import { EngineClient } from '../database/clients/engine-client.js';
import { OwnSqlClient } from '../database/clients/own-sql-client.js';
import type { SqlClient } from '../database/clients/sql-client.js';
import { isTraced, untraced } from '../database/clients/untraced.js';
import { sqlStateOf, textsOf } from '../database/connection/connection-loss.js';
import { EngineDatabase } from '../database/engine-database.js';
import { type CommandTarget, commandLine } from '../database/sql/pasteable-text.js';
import { requireInRehearsal } from '../database/sql/rehearsal-fence.store.js';
import { tablesOf } from '../database/sql/tables.js';
import { arrayText } from '../database/wire/plain-values.js';
import { IntegrationError } from '../errors.js';
import type { PublishedEvent } from '../events/domain-event.js';
import { sequenceExhausted } from '../log/last-position.js';
import { asOneValue, asOneValueOfMany, type LogEntry } from '../log/log-entry.js';
import { refuseWhatIsNotHeld } from '../log/narrow-entry.js';
import { outboxChannelOf, unhurriedNotify, writeMessage } from '../wakeups/wakeup.store.js';

const UNIQUE_VIOLATION = '23505';
/** What nextval says at the end of a sequence. */
const SEQUENCE_LIMIT_EXCEEDED = '2200H';
/**
 * The number of attempts for a key that vanishes between insert and look-up. Only retention deletes events,
 * so a second attempt is rare already.
 */
const DUPLICATE_TRIES = 3;

const COLUMNS = `id, event_name, event_version, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata`;
/**
 * If two transactions publish the same key, the second waits for the first and then inserts nothing. The
 * look-up is a statement of its own, so it sees what the first one committed. DO UPDATE is not used, because
 * rows of the log never change.
 *
 * An insert draws its position before it meets the conflict, and each position that is drawn in vain is a
 * hole in every cursor. So `isNew` finds a key that is already visible before a position is drawn. The
 * conflict is left for keys that another transaction is publishing at this moment.
 */
const ONCE = `ON CONFLICT (dedup_key) WHERE dedup_key IS NOT NULL DO NOTHING`;

/**
 * Characters. Postgres refuses a jsonb list of 256 MiB. Longer lists of events are sent as an array, which
 * costs the server more.
 */
const LARGEST_JSON_LIST = 16 * 1024 * 1024;

/**
 * SQL that writes many events in one statement. `any` writes all of them, `once` only those whose keys are
 * new.
 */
interface ManySql {
  readonly any: string;
  readonly once: string;
}

/**
 * A condition for the WHERE of the statement that writes, and the values of its parameters, which begin with
 * `$2`.
 */
export interface WriteCondition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

interface PositionRow {
  position: number | bigint | string;
}

interface InsertedRow extends PositionRow {
  id: string;
}

/** Writes to the log, through the client of the caller's transaction. */
@Injectable()
export class OutboxEventStore {
  /**
   * For the clients of this package, which send every value as the text that it is given. A conversion from
   * text to jsonb by the statement would cost the server more.
   */
  private readonly insertPlain: string;
  private readonly insertPlainAsText: string;
  private readonly insertTimed: string;
  private readonly insertOnce: string;
  private readonly manyOf: (isLarge: boolean, condition?: string) => ManySql;
  private readonly insertMany: ManySql;
  private readonly insertManyLarge: ManySql;
  /** By their SQL. The length of a lease is a part of it, and may be set to another value. */
  private readonly namesOfConditional = new Map<string, string>();
  private readonly byKeys: string;
  private readonly visible: string;
  private readonly channel: string;

  constructor(private readonly db: EngineDatabase) {
    const table = db.tables.outboxEvent;
    const nine = `$1::uuid, $2, $3::int, $4, $5, $6, $7::text::jsonb, $8::int, $9::text::jsonb`;
    // An ordinary event is written by a procedure, because that costs the transaction of the caller least
    // (see the procedure in the migration). It is a CALL and not a function in a SELECT, because a proxy that
    // splits reads from writes might send a SELECT to a replica.
    this.insertPlain = `CALL ${db.tables.appendEvent}($1, NULL)`;
    this.insertPlainAsText = `CALL ${db.tables.appendEvent}($1::text::jsonb, NULL)`;
    const timed = `INSERT INTO ${table} (${COLUMNS}, dedup_key, available_at)
      VALUES (${nine}, $10, coalesce($11::text::timestamptz, clock_timestamp() + $12::float8 * interval '1 millisecond'))`;
    this.insertTimed = `${timed} RETURNING position::text AS position`;
    // This is a sub-select with one value, because for EXISTS the planner could choose a scan of the log.
    const isNew = (key: string) => `(SELECT o.position FROM ${table} o WHERE o.dedup_key = ${key}) IS NULL`;
    this.insertOnce = `INSERT INTO ${table} (${COLUMNS}, dedup_key, available_at)
      SELECT ${nine}, $10::text, coalesce($11::text::timestamptz, clock_timestamp() + $12::float8 * interval '1 millisecond')
      WHERE ${isNew('$10::text')} ${ONCE} RETURNING position::text AS position`;
    const many = (
      source: string,
      condition: string,
    ) => `INSERT INTO ${table} (${COLUMNS}, dedup_key, available_at)
      SELECT (e->>0)::uuid, e->>1, (e->>2)::int, e->>3, e->>4, e->>5, e->6, (e->>7)::int, e->8, e->>9,
        coalesce((e->>10)::timestamptz, clock_timestamp() + (e->>11)::float8 * interval '1 millisecond')
      FROM ${source} WITH ORDINALITY AS t (e, place)
      WHERE ${condition} ORDER BY place`;
    this.manyOf = (isLarge, condition = 'true') => {
      // The list comes from a sub-select. Without it, the planner would take the whole list apart to see how
      // many elements it holds.
      const source = isLarge ? 'unnest((SELECT $1::text::jsonb[]))' : 'jsonb_array_elements($1::text::jsonb)';
      return {
        any: many(source, condition),
        once: `${many(source, `${condition} AND (e->>9 IS NULL OR ${isNew('e->>9')})`)} ${ONCE}`,
      };
    };
    this.insertMany = this.manyOf(false);
    this.insertManyLarge = this.manyOf(true);
    this.byKeys = `SELECT id::text AS id, position::text AS position, dedup_key AS key FROM ${table} WHERE dedup_key = ANY ($1::text::text[])`;
    // One statement looks and notifies. If nothing is visible, nobody is notified and nothing is written.
    this.visible = `SELECT string_agg(position::text, ',') AS positions,
        CASE WHEN count(*) > 0 THEN ${unhurriedNotify('$2', '$3')} END AS told
      FROM ${table} WHERE position = ANY ($1::bigint[])`;
    this.channel = outboxChannelOf(db.schema);
  }

  /** @throws IntegrationError INTEGRATION_REHEARSAL_OUTSIDE */
  requireInRehearsal(client: SqlClient, fence: string): Promise<void> {
    return requireInRehearsal(client, this.db.tables, fence);
  }

  /**
   * Writes one event. For a deduplication key that was used before, it changes nothing and returns the first
   * event.
   */
  insertEvent(client: SqlClient, entry: LogEntry): Promise<PublishedEvent> {
    const { deduplicationKey, availableAt, delayMs } = entry;
    if (this.db.narrowText !== undefined) refuseWhatIsNotHeld(entry, this.db.narrowText);
    if (deduplicationKey !== null) return this.appendOnce(client, entry, deduplicationKey);
    return availableAt === null && delayMs === null
      ? this.appendPlain(client, entry)
      : this.appendTimed(client, entry);
  }

  private async appendPlain(client: SqlClient, entry: LogEntry): Promise<PublishedEvent> {
    const value = asOneValue(entry);
    try {
      // Both kinds of clients are handled in this one function, because each additional promise is noticeable
      // where many publish at once.
      if (OwnSqlClient.is(client)) {
        const statement = { name: 'integration_append_event', sql: this.insertPlain, value };
        return published(entry.id, await client.queryValue(statement, 'position'));
      }
      const [row] = await untraced(() =>
        client.$queryRawUnsafe<PositionRow[]>(this.insertPlainAsText, value),
      );
      return published(entry.id, row?.position);
    } catch (error) {
      // The stack trace must lead to the caller who published, not to the socket that the answer came from.
      // The driver does the same for its own errors.
      if (error instanceof Error && (OwnSqlClient.is(client) || !isTraced(error)))
        Error.captureStackTrace(error);
      throw this.reasonOfRefusal(error);
    }
  }

  private async appendTimed(client: SqlClient, entry: LogEntry): Promise<PublishedEvent> {
    const rows = await this.insert<PositionRow>(client, this.insertTimed, allColumns(entry));
    return published(entry.id, rows[0]?.position);
  }

  private async appendOnce(client: SqlClient, entry: LogEntry, key: string): Promise<PublishedEvent> {
    for (let attempt = 1; attempt <= DUPLICATE_TRIES; attempt++) {
      const rows = await this.insert<PositionRow>(client, this.insertOnce, allColumns(entry));
      if (rows[0] !== undefined) return published(entry.id, rows[0].position);
      const duplicate = (await this.findByKeys(client, [key])).get(key);
      if (duplicate !== undefined) return duplicate;
    }
    throw lostKey(key);
  }

  /**
   * Writes many events in one statement. Their positions ascend in the given order: the position is drawn
   * after the sort, so ORDER BY decides. No deduplication key may occur twice in `entries`.
   */
  async appendAll(client: SqlClient, entries: readonly LogEntry[]): Promise<PublishedEvent[]> {
    const [first, second] = entries;
    if (first !== undefined && second === undefined) return [await this.insertEvent(client, first)];
    const { appended, left } = await this.append(client, entries);
    if (left !== undefined) throw lostKey(left.deduplicationKey);
    return appended;
  }

  /**
   * The same in one statement of its own, which writes nothing if its condition is false. Undefined if an
   * event is not in the log: the condition was false, or its key vanishes again and again. Resolves to the
   * earlier events if all are in the log already, whatever the condition is.
   */
  async appendAllIf(
    client: SqlClient,
    entries: readonly LogEntry[],
    condition: WriteCondition,
  ): Promise<PublishedEvent[] | undefined> {
    const { appended, left } = await this.append(client, entries, condition);
    return left === undefined ? appended : undefined;
  }

  /** `left` is an entry that is not in the log after all tries. */
  private async append(
    client: SqlClient,
    entries: readonly LogEntry[],
    condition?: WriteCondition,
  ): Promise<{ appended: PublishedEvent[]; left?: LogEntry | undefined }> {
    const { narrowText } = this.db;
    if (narrowText !== undefined) for (const entry of entries) refuseWhatIsNotHeld(entry, narrowText);
    const results = new Map<LogEntry, PublishedEvent>();
    for (let attempt = 1, open = entries; open.length > 0; attempt++) {
      const inserted = new Map<string, PositionRow['position']>();
      for (const row of await this.insertAll(client, open, condition)) inserted.set(row.id, row.position);
      const rest = open.filter((entry) => !inserted.has(entry.id));
      for (const entry of open) {
        if (inserted.has(entry.id)) results.set(entry, published(entry.id, inserted.get(entry.id)));
      }
      const keys = rest.map((entry) => entry.deduplicationKey);
      const duplicates = rest.length === 0 ? undefined : await this.findByKeys(client, keys);
      open = rest.filter((entry) => {
        const duplicate = duplicates?.get(entry.deduplicationKey);
        if (duplicate !== undefined) results.set(entry, duplicate);
        return duplicate === undefined;
      });
      if (open.length > 0 && attempt === DUPLICATE_TRIES) return { appended: [], left: open[0] };
    }
    return { appended: entries.map((entry) => results.get(entry) ?? published(entry.id, undefined)) };
  }

  /**
   * The positions of these that are committed, as the connections of the engine see them. If there are any,
   * every listening process is notified in the name of this one. `isStream`: the message says that more will
   * come.
   */
  async announceVisible(
    positions: readonly number[],
    processId: string,
    isStream: boolean,
  ): Promise<number[]> {
    const [row] = await this.db.queryNamed<{ positions: string | null }>(
      'integration_announce_visible',
      this.visible,
      [`{${positions.join(',')}}`, this.channel, writeMessage(processId, { isStream })],
    );
    const visible = row?.positions ?? null;
    return visible === null ? [] : visible.split(',').map(Number);
  }

  private insertAll(
    client: SqlClient,
    entries: readonly LogEntry[],
    condition: WriteCondition | undefined,
  ): Promise<InsertedRow[]> {
    const values = entries.map(asOneValueOfMany);
    const isLarge = values.reduce((sum, { length }) => sum + length, 0) > LARGEST_JSON_LIST;
    const isOnce = entries.some((entry) => entry.deduplicationKey !== null);
    const unconditional = isLarge ? this.insertManyLarge : this.insertMany;
    const { any, once } = condition === undefined ? unconditional : this.manyOf(isLarge, condition.sql);
    const sql = `${isOnce ? once : any} RETURNING id::text AS id, position::text AS position`;
    const list = isLarge ? arrayText(values) : `[${values.join(',')}]`;
    return condition === undefined
      ? this.insert(client, sql, [list])
      : this.insertIf(client, sql, [list, ...condition.values]);
  }

  /** It comes again and again, and planning it costs a third of carrying it out, so it is prepared. */
  private async insertIf(client: SqlClient, sql: string, values: readonly unknown[]): Promise<InsertedRow[]> {
    if (!EngineClient.is(client)) return this.insert(client, sql, values);
    const name = this.namesOfConditional.get(sql) ?? `integration_append_if_${this.namesOfConditional.size}`;
    this.namesOfConditional.set(sql, name);
    try {
      return await client.queryEngine<InsertedRow>({ name, sql, values });
    } catch (error) {
      throw this.reasonOfRefusal(error);
    }
  }

  private async insert<Row>(client: SqlClient, sql: string, values: readonly unknown[]): Promise<Row[]> {
    try {
      return await client.$queryRawUnsafe<Row[]>(sql, ...values);
    } catch (error) {
      throw this.reasonOfRefusal(error);
    }
  }

  private reasonOfRefusal(error: unknown): unknown {
    const state = sqlStateOf(error);
    if (state === SEQUENCE_LIMIT_EXCEEDED) return sequenceExhausted(this.db.schema, error);
    if (state !== UNIQUE_VIOLATION) return error;
    return isOfPosition(error) ? positionTaken(this.db, error) : idTaken(error);
  }

  private async findByKeys(
    client: SqlClient,
    keys: readonly (string | null)[],
  ): Promise<Map<string | null, PublishedEvent>> {
    const rows = await client.$queryRawUnsafe<(InsertedRow & { key: string })[]>(
      this.byKeys,
      arrayText(keys),
    );
    return new Map(rows.map((row) => [row.key, { ...published(row.id, row.position), duplicate: true }]));
  }
}

/**
 * Whether the violated key is the position, which is the primary key of the log and comes from the sequence.
 * Some clients name the constraint in their errors, others the columns.
 */
function isOfPosition(error: unknown): boolean {
  return textsOf(error).some((text) => text === 'position' || /outbox_event_pkey|\(position\)=/.test(text));
}

function positionTaken(target: CommandTarget, cause: unknown): IntegrationError {
  const log = tablesOf(target.schema).outboxEvent;
  return new IntegrationError(
    'INTEGRATION_SEQUENCE_BEHIND',
    `The event got a position that an event in the log has already: the sequence is behind the log (a restore or a switch-over that left it out, or a reset of it). Stop the workers, then run: SELECT setval(pg_get_serial_sequence('${log}', 'position'), (SELECT max(position) FROM ${log})). Run "${commandLine(target, 'doctor')}" afterwards: a consumer may be further ahead than the log`,
    {},
    { cause },
  );
}

function idTaken(error: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_EVENT_INVALID',
    'An event with this id was published before. Leave `id` out, or use a deduplicationKey to publish at most once',
    { fields: ['id'] },
    { cause: error },
  );
}

function allColumns(entry: LogEntry): unknown[] {
  return [...entry.columns, entry.deduplicationKey, entry.availableAt, entry.delayMs];
}

function published(id: string, position: unknown): PublishedEvent {
  if (position === undefined) {
    throw new IntegrationError(
      'INTEGRATION_CLIENT_INVALID',
      'The client returned no rows for INSERT … RETURNING',
    );
  }
  return { outboxEventId: id, position: Number(position), duplicate: false };
}

function lostKey(key: string | null | undefined): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_EVENT_INVALID',
    `The event with deduplication key ${JSON.stringify(key)} exists, but this transaction cannot see it: publish in READ COMMITTED`,
    { fields: ['deduplicationKey'] },
  );
}
