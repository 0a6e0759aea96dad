import { Injectable } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';

/** What metrics say of the log and the processes. */
export interface ClusterRow {
  readonly logPosition: number;
  /** Seconds. 0 if no open transaction has published. Null if this role may not see it. */
  readonly oldestWriterSeconds: number | null;
  readonly processes: number;
  /** Findings of `doctor` by severity. Null if nobody has looked within the last hour. */
  readonly findings: Readonly<Record<string, number>> | null;
}

/** Reads the figures of the cluster that no service has. */
@Injectable()
export class ClusterStore {
  private readonly sql: string;

  constructor(private readonly db: AdminDatabase) {
    const { outboxEvent, integrationProcess, integrationMaintenance } = db.tables;
    // The transactions that publish hold this lock of the log. The oldest of them keeps the oldest gap open.
    this.sql = `SELECT (SELECT coalesce(max(position), 0) FROM ${outboxEvent}) AS "logPosition",
      (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - a.xact_start)), 0)::float8
       FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
       WHERE l.locktype = 'relation' AND l.relation = $2::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS "oldestWriterSeconds",
      (SELECT count(*)::float8 FROM ${integrationProcess}
       WHERE seen_at > clock_timestamp() - $1::float8 * interval '1 millisecond') AS processes,
      (SELECT result FROM ${integrationMaintenance}
       WHERE task = 'doctor' AND done_at > clock_timestamp() - interval '1 hour') AS findings`;
  }

  /** @param leaseMs a process that was not seen for so long is not alive. */
  async read(leaseMs: number): Promise<ClusterRow | undefined> {
    const [row] = await this.db.query<ClusterRow>(this.sql, [leaseMs, this.db.tables.outboxEvent]);
    return row;
  }
}
