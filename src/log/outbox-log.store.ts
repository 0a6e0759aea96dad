import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { NamedStatement } from '../database/wire/named-statement.js';
import { splitNames } from './event-names.js';
import type { LogEvent } from './log-event.js';
import { PageRows, toLogEvent } from './page-rows.js';
import type { PositionSet } from './position-set.js';
import { RangeLists } from './range-lists.js';

/** Which rows of the log are wanted. */
export interface LogFilter {
  readonly eventNames: readonly string[];
  readonly partitions: number;
  /** Which of the partitions; of a page of several, each row says whose it is. */
  readonly chosen: readonly number[];
}

/**
 * A transaction that may still own a position: its virtual id, and whether a backend runs it (a prepared one
 * has none).
 */
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

/**
 * Plain SQL can say 'infinity', which is a wait of another kind in the inbox, and which no arithmetic may
 * meet before Postgres 17.
 */
const LONGEST_DELAY = `interval '100 years'`;

/**
 * Of so many ranges a cursor is asked for in one statement,. One with more has very many holes, and its page
 * is read in several.
 */
const MOST_RANGES = 10_000;

/** A page by one statement, or one of several parts. */
interface PageSql {
  readonly whole: string;
  readonly part: string;
}

/** The columns of an event, in the order in which `toLogEvent` reads them. */
const EVENT_COLUMNS = (alias: string) =>
  `${alias}.id::text, ${alias}.event_name, ${alias}.event_version, ${alias}.source_module, ${alias}.aggregate_type,
   ${alias}.aggregate_id, ${alias}.payload, ${alias}.metadata, ${alias}.created_at`;

/** Reading the log: pages for the cursors, and who may still be writing into the holes. */
@Injectable()
export class OutboxLogStore {
  private readonly pageSql: PageSql;
  private readonly partitionsPageSql: PageSql;
  private readonly payloadsSql: string;
  private readonly byPositionSql: string;
  private readonly writersSql: string;
  private readonly headSql: string;

  constructor(private readonly db: EngineDatabase) {
    const log = db.tables.outboxEvent;
    const partitionOf = (alias: string) =>
      `${db.tables.integrationPartition}(${alias}.aggregate_type, ${alias}.aggregate_id, $6::int)`;
    // One statement, so one snapshot, for holes and tail: whoever sees the later of two serialized events
    // sees the earlier one too. The ranges come out of unnest in ascending order and the lateral scan keeps
    // it. The upper bound must be part of the index condition, or each hole would scan the log to its end. A
    // payload that is larger than its share of the page stays behind (null) and is fetched once it is known
    // to fit.
    const textOf = (isMine: string, more: string, ranges: string, low: string, high: string) => `
      SELECT e.position, CASE WHEN e.wanted THEN e.bytes END,
             CASE WHEN e.wanted AND e.available_at IS NOT NULL AND e.available_at > clock_timestamp()
                  THEN ceil(extract(epoch FROM least(e.available_at, clock_timestamp() + ${LONGEST_DELAY}) - clock_timestamp()) * 1000)::bigint END,
             CASE WHEN e.wanted THEN e.id::text END, CASE WHEN e.wanted THEN e.event_name END, e.event_version,
             CASE WHEN e.wanted THEN e.source_module END, CASE WHEN e.wanted THEN e.aggregate_type END,
             CASE WHEN e.wanted THEN e.aggregate_id END, CASE WHEN e.wanted AND e.bytes <= $7::int THEN e.payload END,
             CASE WHEN e.wanted THEN e.metadata END, CASE WHEN e.wanted THEN e.created_at END${more}
      FROM ${ranges}
      CROSS JOIN LATERAL (
        SELECT o.*, coalesce(o.payload_bytes, octet_length(o.payload::text)) AS bytes,
               ($3::boolean OR o.event_name = ANY ($4::text[]) OR o.event_name ^@ ANY ($5::text[])) AND ${isMine} AS wanted
        FROM ${log} o
        WHERE o.position >= ${low} AND o.position < coalesce(${high}, 9223372036854775807)
        ORDER BY o.position LIMIT $2::int
      ) e
      LIMIT $2::int`;
    const pageSql = (isMine: string, more: string): PageSql => ({
      whole: textOf(isMine, more, 'unnest($1::int8multirange) AS r', 'lower(r)', 'upper(r)'),
      part: textOf(isMine, more, 'unnest($1::bigint[], $9::bigint[]) AS r (low, high)', 'r.low', 'r.high'),
    });
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
   * The first rows of the log among what is wanted, bounded in rows and in bytes; at least one if there is
   * any. Bytes are of the JSON texts, with something for the rest of an event: what the columns take on disk
   * is compressed.
   */
  async readPage(wanted: PositionSet, rows: number, bytes: number, filter: LogFilter): Promise<LogPage> {
    const { exact, prefixes } = splitNames(filter.eventNames);
    const inline = Math.floor(bytes / rows);
    const { chosen } = filter;
    const isOfSeveral = chosen.length > 1;
    const whose = isOfSeveral ? chosen : chosen[0];
    const others = [prefixes.includes(''), exact, prefixes, filter.partitions, inline, whose];
    const page = new PageRows(bytes, isOfSeveral);
    const sql = isOfSeveral ? this.partitionsPageSql : this.pageSql;
    const name = isOfSeveral ? 'integration_partitions_page' : 'integration_page';
    if (wanted.rangeCount <= MOST_RANGES) {
      const statement = { name, sql: sql.whole, values: [wanted.toString(), rows, ...others] };
      await this.db.forEachRow(statement, (row) => page.takeRow(row));
    } else {
      await this.readParts(page, wanted, rows, ({ from, to }, left) => ({
        name: `${name}_part`,
        sql: sql.part,
        values: [from, left, ...others, to],
      }));
    }
    await this.readLarge(page.large);
    const { positions, events, partitions } = page;
    return { positions, events, partitions, cut: isCut(page, rows) };
  }

  /**
   * What one statement would find, by several that are short: the server never works long on one, and the
   * process has turns between them. All of them see the log as it was at the first one, so that holes and
   * tail are of one snapshot here as well.
   */
  private async readParts(
    page: PageRows,
    wanted: PositionSet,
    rows: number,
    statement: (part: RangeLists, left: number) => NamedStatement,
  ): Promise<void> {
    await this.db.readInSnapshot(async (source) => {
      for (let first = 0; first < wanted.rangeCount; first += MOST_RANGES) {
        const part = new RangeLists(Math.min(MOST_RANGES, wanted.rangeCount - first));
        part.writeRanges(wanted, first, MOST_RANGES);
        await source.forEachRow(statement(part, rows - page.found), (row) => page.takeRow(row));
        if (isCut(page, rows)) return;
      }
    });
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
   * The transactions of this database that hold RowExclusiveLock on the log: an INSERT takes it before it
   * draws its position and keeps it until its transaction, or the savepoint it ran under, has ended.
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

/**
 * Whether there may be more rows than the page has. One row may be larger than all the bytes, and the only
 * one.
 */
function isCut({ positions, found }: PageRows, rows: number): boolean {
  return positions.count < found || found >= rows;
}
