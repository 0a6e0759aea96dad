import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { WireRow } from '../database/wire-row.js';
import { splitNames } from './event-names.js';
import { LogEvent } from './log-event.js';
import { PositionSet } from './position-set.js';

/** Which rows of the log are wanted. */
export interface LogFilter {
  readonly eventNames: readonly string[];
  readonly partitions: number;
  /** Which of the partitions; of a page of several, each row says whose it is. */
  readonly chosen: readonly number[];
}

/** A transaction that may still own a position: its virtual id, and whether a backend runs it (a prepared one has none). */
export interface LogWriter {
  readonly virtualTransaction: string;
  readonly prepared: boolean;
}

/** Rows of the log. */
export interface LogRows {
  /** Of all of them, whether they are wanted or not. */
  readonly positions: PositionSet;
  /** Those that are wanted, ascending. */
  readonly events: readonly LogEvent[];
}

/** As many of them as one statement brings. */
export interface LogPage extends LogRows {
  /** Rows or bytes cut it short: there may be more now. */
  readonly cut: boolean;
  /** The partition of each event; absent where one partition was chosen. */
  readonly partitions?: readonly number[] | undefined;
}

/** The positions of those that are not wanted. */
export function passedOver({ positions, events }: LogRows): PositionSet {
  return positions.without(events.map(({ position }) => position));
}

/** Of the payloads. */
export function bytesOf(events: readonly LogEvent[]): number {
  let bytes = 0;
  for (const event of events) bytes += event.bytes;
  return bytes;
}

/** Plain SQL can say 'infinity', which is a wait of another kind in the inbox, and which no arithmetic may meet before Postgres 17. */
const LONGEST_DELAY = `interval '100 years'`;

/** What an event takes beside its payload and metadata, about. */
const ENVELOPE_BYTES = 256;

/** The event begins a correlation of its own: so does the binary form of such a jsonb begin, its version first. */
const OWN_CORRELATION = '\u0001{"correlationId": "';

/** Where these columns stand in a row of a page. */
const POSITION = 0;
const BYTES = 1;
const DELAY = 2;
const ID = 3;
const PAYLOAD = 9;
const METADATA = 10;
const PARTITION = 12;

/** The columns of an event, in the order in which `toLogEvent` reads them. */
const EVENT_COLUMNS = (alias: string) =>
  `${alias}.id::text, ${alias}.event_name, ${alias}.event_version, ${alias}.source_module, ${alias}.aggregate_type,
   ${alias}.aggregate_id, ${alias}.payload, ${alias}.metadata, ${alias}.created_at`;

/** Reading the log: pages for the cursors, and who may still be writing into the holes. */
@Injectable()
export class OutboxLogStore {
  private readonly pageSql: string;
  private readonly partitionsPageSql: string;
  private readonly payloadsSql: string;
  private readonly byPositionSql: string;
  private readonly writersSql: string;
  private readonly headSql: string;

  constructor(private readonly db: EngineDatabase) {
    const log = `"${db.schema}".outbox_event`;
    const partitionOf = (alias: string) =>
      `"${db.schema}".integration_partition(${alias}.aggregate_type, ${alias}.aggregate_id, $6::int)`;
    // One statement, so one snapshot, for holes and tail: whoever sees the later of two serialized events sees the
    // earlier one too. The ranges come out of unnest in ascending order and the lateral scan keeps it. The upper bound must
    // be part of the index condition, or each hole would scan the log to its end. A payload that is larger than its share of
    // the page stays behind (null) and is fetched once it is known to fit.
    const pageSql = (isMine: string, more: string) => `
      SELECT e.position, CASE WHEN e.wanted THEN e.bytes END,
             CASE WHEN e.wanted AND e.available_at IS NOT NULL AND e.available_at > clock_timestamp()
                  THEN ceil(extract(epoch FROM least(e.available_at, clock_timestamp() + ${LONGEST_DELAY}) - clock_timestamp()) * 1000)::bigint END,
             CASE WHEN e.wanted THEN e.id::text END, CASE WHEN e.wanted THEN e.event_name END, e.event_version,
             CASE WHEN e.wanted THEN e.source_module END, CASE WHEN e.wanted THEN e.aggregate_type END,
             CASE WHEN e.wanted THEN e.aggregate_id END, CASE WHEN e.wanted AND e.bytes <= $7::int THEN e.payload END,
             CASE WHEN e.wanted THEN e.metadata END, CASE WHEN e.wanted THEN e.created_at END${more}
      FROM unnest($1::int8multirange) AS r
      CROSS JOIN LATERAL (
        SELECT o.*, coalesce(o.payload_bytes, octet_length(o.payload::text)) AS bytes,
               ($3::boolean OR o.event_name = ANY ($4::text[]) OR o.event_name ^@ ANY ($5::text[])) AND ${isMine} AS wanted
        FROM ${log} o
        WHERE o.position >= lower(r) AND o.position < coalesce(upper(r), 9223372036854775807)
        ORDER BY o.position LIMIT $2::int
      ) e
      LIMIT $2::int`;
    this.pageSql = pageSql(`($6::int = 1 OR ${partitionOf('o')} = $8::int)`, '');
    this.partitionsPageSql = pageSql(
      `(cardinality($8::int[]) = $6::int OR ${partitionOf('o')} = ANY ($8::int[]))`,
      `, CASE WHEN e.wanted THEN ${partitionOf('e')} END`,
    );
    this.payloadsSql = `SELECT position, payload FROM ${log} WHERE position = ANY ($1::bigint[])`;
    this.byPositionSql = `
      SELECT o.position, coalesce(o.payload_bytes, octet_length(o.payload::text)), NULL, ${EVENT_COLUMNS('o')}
      FROM ${log} o WHERE o.position = ANY ($1::bigint[])`;
    this.writersSql = `
      SELECT DISTINCT virtualtransaction AS "virtualTransaction", pid IS NULL AS prepared FROM pg_locks
      WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
        AND relation = '${log}'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    this.headSql = `SELECT position FROM ${log} ORDER BY position DESC LIMIT 1`;
  }

  /**
   * The first rows of the log within `ranges` (a multirange), bounded in rows and in bytes; at least one if there is any. Bytes
   * are of the JSON texts, with something for the rest of an event: what the columns take on disk is compressed.
   */
  async readPage(ranges: string, rows: number, bytes: number, filter: LogFilter): Promise<LogPage> {
    const { exact, prefixes } = splitNames(filter.eventNames);
    const inline = Math.floor(bytes / rows);
    const values = [ranges, rows, prefixes.includes(''), exact, prefixes, filter.partitions, inline];
    const { chosen } = filter;
    const isOfSeveral = chosen.length > 1;
    const page = new PageRows(bytes, isOfSeveral);
    const statement = isOfSeveral
      ? { name: 'integration_partitions_page', sql: this.partitionsPageSql, values: [...values, chosen] }
      : { name: 'integration_page', sql: this.pageSql, values: [...values, chosen[0]] };
    await this.db.forEachRow(statement, (row) => page.add(row));
    await this.readLarge(page.large);
    const { positions, events, partitions } = page;
    return { positions, events, partitions, cut: positions.count < page.found || page.found >= rows };
  }

  /** The payloads that were left behind. The log's rows never change: a later statement reads the same. */
  private async readLarge(events: ReadonlyMap<number, LogEvent>): Promise<void> {
    if (events.size === 0) return;
    const statement = { name: 'integration_payloads', sql: this.payloadsSql, values: [[...events.keys()]] };
    await this.db.forEachRow(statement, (row) => {
      events.get(row.int8(0))?.addPayload(row.json(1));
    });
  }

  /** The events at these positions; a position that the log no longer has is absent. */
  async readByPosition(positions: readonly number[]): Promise<Map<number, LogEvent>> {
    const events = new Map<number, LogEvent>();
    const statement = { name: 'integration_by_position', sql: this.byPositionSql, values: [positions] };
    await this.db.forEachRow(statement, (row) => {
      const event = toLogEvent(row);
      events.set(event.position, event);
    });
    return events;
  }

  /**
   * The transactions of this database that hold RowExclusiveLock on the log: an INSERT takes it before it draws its
   * position and keeps it until its transaction, or the savepoint it ran under, has ended.
   */
  async readWriters(): Promise<LogWriter[]> {
    return this.db.query<LogWriter>(this.writersSql);
  }

  /** The highest visible position; 0 for an empty log. */
  async readHead(): Promise<number> {
    const [row] = await this.db.query<{ position: number }>(this.headSql);
    return row?.position ?? 0;
  }
}

/** The rows of a page that stay within so many bytes; one if there is any. */
class PageRows {
  readonly positions = PositionSet.empty();
  readonly events: LogEvent[] = [];
  /** By position, those whose payload was left behind. */
  readonly large = new Map<number, LogEvent>();
  readonly partitions: number[] | undefined;
  /** Those beyond the bytes included. */
  found = 0;
  private total = 0;

  constructor(
    private readonly bytes: number,
    isOfSeveral: boolean,
  ) {
    if (isOfSeveral) this.partitions = [];
  }

  add(row: WireRow): void {
    this.found++;
    if (this.total > this.bytes) return;
    if (row.isNull(ID)) {
      this.positions.append(row.int8(POSITION));
      return;
    }
    this.total += row.int4(BYTES) + row.lengthOf(METADATA) + ENVELOPE_BYTES;
    if (this.total > this.bytes && !this.positions.isEmpty) return;
    const event = toLogEvent(row);
    this.positions.append(event.position);
    this.events.push(event);
    this.partitions?.push(row.int4(PARTITION));
    if (row.isNull(PAYLOAD)) this.large.set(event.position, event);
  }
}

/** A column that says the same in row after row: one string for all of them, whose hash is reckoned once. */
class RepeatedText {
  private last = '';

  constructor(private readonly column: number) {}

  of(row: WireRow): string {
    if (!row.is(this.column, this.last)) this.last = row.text(this.column);
    return this.last;
  }
}

const eventName = new RepeatedText(4);
const sourceModule = new RepeatedText(6);
const aggregateType = new RepeatedText(7);

function toLogEvent(row: WireRow): LogEvent {
  return new LogEvent({
    position: row.int8(POSITION),
    bytes: row.int4(BYTES),
    delayMs: row.isNull(DELAY) ? undefined : row.int8(DELAY),
    id: row.asciiText(ID),
    eventName: eventName.of(row),
    eventVersion: row.int4(5),
    sourceModule: sourceModule.of(row),
    aggregateType: aggregateType.of(row),
    aggregateId: row.text(8),
    payload: row.isNull(PAYLOAD) ? '' : row.json(PAYLOAD),
    metadata: beginsCorrelation(row) ? undefined : row.json(METADATA),
    createdAt: row.milliseconds(11),
  });
}

/** What publishing writes where nobody says more. */
function beginsCorrelation(row: WireRow): boolean {
  return (
    row.lengthOf(METADATA) === OWN_CORRELATION.length + row.lengthOf(ID) + 2 &&
    row.repeats(METADATA, OWN_CORRELATION.length, ID) &&
    row.hasAt(METADATA, 0, OWN_CORRELATION)
  );
}
