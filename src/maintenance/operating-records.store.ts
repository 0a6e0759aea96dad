import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';

/** How long records are kept, in days. */
export interface KeptFor {
  readonly audit: number;
  readonly samples: number;
  readonly operations: number;
  readonly plans: number;
  readonly idempotencyKeys: number;
  /** The counts by hours, and the starts of processes. */
  readonly hours: number;
  readonly rehearsals: number;
}

/** How many rows of each kind one step has deleted. */
export interface DeletedRecords {
  readonly audit: number;
  readonly samples: number;
  readonly work: number;
  readonly operations: number;
  readonly idempotencyKeys: number;
  readonly hours: number;
  readonly starts: number;
  readonly rehearsals: number;
}

/** The result of one step of thinning out. `upto` is where the next step begins, in seconds since 1970. */
export interface ThinnedSamples {
  readonly deleted: number;
  readonly upto: number;
  readonly done: boolean;
}

/** How long samples are kept one by one, and how much time one step of thinning out covers. */
const DETAILED = `interval '1 hour'`;
const COVERED_AT_ONCE = `interval '20 minutes'`;

/** Deletes what operating the package has written down and what has been kept long enough. */
@Injectable()
export class OperatingRecordsStore {
  private readonly deleteSql: string;
  private readonly thinSql: string;

  constructor(db: EngineDatabase) {
    const { tables } = db;
    // An index can only be searched for a time that is the same for every row. Without the sub-select, each
    // index would be read to its end.
    const olderThan = (parameter: number) =>
      `(SELECT clock_timestamp() - $${parameter}::float8 * interval '1 day')`;
    // An array of row addresses makes each DELETE take exactly the rows that its index found.
    const deleted = (name: string, table: string, condition: string, order: string) => `${name} AS (
        DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM ${table} WHERE ${condition} ORDER BY ${order} LIMIT $1::int)) RETURNING 1
      )`;
    // The last start of each version stays, so that a version that is old is not taken for a new one.
    const isFollowed = `EXISTS (SELECT FROM ${tables.integrationStart} o
      WHERE o.version = ${tables.integrationStart}.version AND o.minute > ${tables.integrationStart}.minute)`;
    this.deleteSql = `
      WITH ${deleted('audit', tables.integrationAudit, `at < ${olderThan(2)}`, 'at, id')},
      ${deleted('samples', tables.integrationSample, `at < ${olderThan(3)}`, 'at')},
      ${deleted('work', tables.integrationWork, `at < ${olderThan(3)}`, 'at')},
      ${deleted('finished', tables.integrationOperation, `created_at < ${olderThan(4)} AND state IN ('done', 'cancelled', 'failed')`, 'created_at, id')},
      ${deleted('plans', tables.integrationOperation, `state = 'planned' AND created_at < ${olderThan(5)}`, 'created_at, id')},
      ${deleted('keys', tables.integrationIdempotencyKey, `at < ${olderThan(6)}`, 'at')},
      ${deleted('hours', tables.integrationHour, `at < ${olderThan(7)}`, 'at')},
      ${deleted('starts', tables.integrationStart, `minute < ${olderThan(7)} AND ${isFollowed}`, 'minute')},
      ${deleted('rehearsals', tables.integrationRehearsal, `asked_at < ${olderThan(8)}`, 'asked_at')}
      SELECT (SELECT count(*) FROM audit) AS audit, (SELECT count(*) FROM samples) AS samples, (SELECT count(*) FROM work) AS work,
        (SELECT count(*) FROM finished) + (SELECT count(*) FROM plans) AS operations, (SELECT count(*) FROM keys) AS "idempotencyKeys",
        (SELECT count(*) FROM hours) AS hours, (SELECT count(*) FROM starts) AS starts,
        (SELECT count(*) FROM rehearsals) AS rehearsals`;
    // Of each minute, the first sample of a partition stays. It begins with the oldest sample that there is,
    // so that a week without samples takes one step.
    this.thinSql = `
      WITH span AS MATERIALIZED (
        SELECT began, least(began + ${COVERED_AT_ONCE}, clock_timestamp() - ${DETAILED}) AS ended FROM (
          SELECT greatest(to_timestamp($1::float8), clock_timestamp() - $2::float8 * interval '1 day',
            coalesce((SELECT min(at) FROM ${tables.integrationSample} WHERE at >= to_timestamp($1::float8)), clock_timestamp() - ${DETAILED})) AS began) AS b
      ), deleted AS (
        DELETE FROM ${tables.integrationSample} s USING span
        WHERE s.at >= span.began AND s.at < span.ended AND EXISTS (
          SELECT FROM ${tables.integrationSample} o
          WHERE o.consumer_name = s.consumer_name AND o.partition = s.partition AND o.at < s.at
            AND o.at >= date_bin('1 minute', s.at, 'epoch'))
        RETURNING 1
      )
      SELECT (SELECT count(*) FROM deleted) AS deleted, floor(extract(epoch FROM greatest(began, ended)))::bigint AS upto,
        ended < began + ${COVERED_AT_ONCE} AS done FROM span`;
  }

  /** Deletes at most `limit` rows of each kind, the oldest first. */
  async deleteOld(session: EngineSession, limit: number, days: KeptFor): Promise<DeletedRecords> {
    const { audit, samples, operations, plans, idempotencyKeys, hours, rehearsals } = days;
    const [row] = await session.query<DeletedRecords>(this.deleteSql, [
      limit,
      audit,
      samples,
      operations,
      plans,
      idempotencyKeys,
      hours,
      rehearsals,
    ]);
    if (row === undefined)
      throw new UnusableConnection('connection error: the deletion brought nothing back');
    return row;
  }

  /**
   * Thins out the samples of some minutes from a second on, of the samples that are older than an hour. What
   * is older than `days` is passed over, because it is deleted anyway.
   */
  async thinSamples(session: EngineSession, from: number, days: number): Promise<ThinnedSamples> {
    const [row] = await session.query<ThinnedSamples>(this.thinSql, [from, days]);
    if (row === undefined)
      throw new UnusableConnection('connection error: the deletion brought nothing back');
    return row;
  }
}
