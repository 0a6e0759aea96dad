import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { NamedStatement } from '../database/wire/named-statement.js';
import { splitNames } from './event-names.js';
import type { LogEvent } from './log-event.js';
import { PageRows, toLogEvent } from './page-rows.js';
import type { PositionSet } from './position-set.js';
import { RangeLists } from './range-lists.js';

/** Chooses rows of the log. */
export interface LogFilter {
  readonly eventNames: readonly string[];
  readonly partitions: number;
  /** The partitions that are wanted. If there are several, each row of the page names its partition. */
  readonly chosen: readonly number[];
}

/**
 * A transaction that may still own a position. It has a virtual id. A prepared transaction is not run by a
 * backend; every other one is.
 */
export interface LogWriter {
  readonly virtualTransaction: string;
  readonly prepared: boolean;
}

/** Rows of the log. */
export interface LogRows {
  /** The positions of all rows that were read, wanted or not. */
  readonly positions: PositionSet;
  /** The rows that are wanted, in ascending order. */
  readonly events: readonly LogEvent[];
}

/** The rows that one statement returns. */
export interface LogPage extends LogRows {
  /** True when the limit of rows or bytes cut the page short. Then the log may have more rows now. */
  readonly cut: boolean;
  /** The partition of each event. Absent when only one partition was chosen. */
  readonly partitions?: readonly number[] | undefined;
}

/** The positions of the rows that are not wanted. */
export function passedOver({ positions, events }: LogRows): PositionSet {
  return positions.without(events.map(({ position }) => position));
}

/** Size of the payloads in bytes. */
export function bytesOf(events: readonly LogEvent[]): number {
  let bytes = 0;
  for (const event of events) bytes += event.bytes;
  return bytes;
}

/**
 * A longer delay is cut to this one. Plain SQL can write 'infinity', which means a wait of another kind in
 * the inbox. Postgres cannot calculate with it before version 17.
 */
const LONGEST_DELAY = `interval '100 years'`;

/**
 * The largest number of ranges of a cursor that one statement can ask for. A cursor with more ranges has very
 * many holes, and several statements read its page.
 */
const MOST_RANGES = 10_000;

/** The SQL of a page: one statement for all of it, or the statements of its parts. */
interface PageSql {
  readonly whole: string;
  readonly part: string;
}

/** The columns of an event, in the order in which `toLogEvent` reads them. */
const EVENT_COLUMNS = (alias: string) =>
  `${alias}.id::text, ${alias}.event_name, ${alias}.event_version, ${alias}.source_module, ${alias}.aggregate_type,
   ${alias}.aggregate_id, ${alias}.payload, ${alias}.metadata, ${alias}.created_at`;

/** Reads the log: pages for the cursors, and the transactions that may still write into the holes. */
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
    // One statement means one snapshot for holes and tail. Whoever sees the later of two serialized events
    // therefore sees the earlier one too. `unnest` returns the ranges in ascending order, and the lateral
    // scan keeps this order. The upper bound must be part of the index condition, because the scan of each
    // hole would otherwise run to the end of the log. A payload that is larger than its share of the page
    // comes as null. A second statement fetches it when it is known to fit.
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
   * Returns the first wanted rows of the log, limited by rows and by bytes. It returns at least one row if
   * there is any. Bytes are those of the JSON texts plus a fixed amount for the other columns. The size of a
   * column on disk is not a measure, because the server compresses it.
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
   * Does the work of the single statement with several short ones. The server never works long on one of
   * them, and the process can do other work between them. All of them see the log as it was at the first one,
   * so holes and tail come from one snapshot here too.
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

  /**
   * Reads the payloads that were left out. Rows of the log never change, so a later statement reads the same
   * data.
   */
  private async readLarge(events: ReadonlyMap<number, LogEvent>): Promise<void> {
    if (events.size === 0) return;
    const statement = { name: 'integration_payloads', sql: this.payloadsSql, values: [[...events.keys()]] };
    await this.db.forEachRow(statement, (row) => {
      events.get(row.int8(0))?.addPayload(row.json(1));
    });
  }

  /** Returns the events at these positions. Positions that are no longer in the log are absent. */
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
   * Returns the transactions of this database that hold RowExclusiveLock on the log. An INSERT takes this
   * lock before it draws its position. It keeps the lock until its transaction ends, or until the savepoint
   * it ran under is rolled back.
   */
  async readWriters(): Promise<LogWriter[]> {
    return this.db.query<LogWriter>(this.writersSql);
  }

  /** Returns the highest visible position, or 0 for an empty log. */
  async readHead(): Promise<number> {
    const [row] = await this.db.query<{ position: number }>(this.headSql);
    return row?.position ?? 0;
  }
}

/**
 * Whether there may be more rows than the page has. A single row may be larger than the limit of bytes and
 * still be the only row.
 */
function isCut({ positions, found }: PageRows, rows: number): boolean {
  return positions.count < found || found >= rows;
}
