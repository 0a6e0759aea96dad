import { Injectable } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import { OUTBOX_SETTINGS } from '../settings/settings-definitions.js';

/** What metrics say of the log and the processes. */
export interface ClusterRow {
  readonly logPosition: number;
  /** Seconds. 0 if no open transaction has published, or none whose beginning this role may see. */
  readonly oldestWriterSeconds: number;
  readonly processes: number;
  /** Those of them that take consumers. */
  readonly handling: number;
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
      greatest(0, (SELECT max(extract(epoch FROM clock_timestamp() - a.xact_start))
       FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
       WHERE l.locktype = 'relation' AND l.relation = $2::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())),
       (SELECT max(extract(epoch FROM clock_timestamp() - p.prepared)) FROM pg_prepared_xacts p
       WHERE p.database = current_database() AND EXISTS (
         SELECT FROM pg_locks x JOIN pg_locks l ON l.virtualtransaction = x.virtualtransaction AND l.pid IS NULL
         WHERE x.pid IS NULL AND x.locktype = 'transactionid' AND x.transactionid = p.transaction
           AND l.locktype = 'relation' AND l.relation = $2::regclass)))::float8 AS "oldestWriterSeconds",
      alive.processes, alive.handling,
      (SELECT result FROM ${integrationMaintenance}
       WHERE task = 'doctor' AND done_at > clock_timestamp() - interval '1 hour') AS findings
      FROM (SELECT count(*)::float8 AS processes,
          (count(*) FILTER (WHERE role <> 'publisher' AND settings ->> $3 IS DISTINCT FROM 'false'))::float8 AS handling
        FROM ${integrationProcess} WHERE seen_at > clock_timestamp() - $1::float8 * interval '1 millisecond') AS alive`;
  }

  /** @param leaseMs a process that was not seen for so long is not alive. */
  async read(leaseMs: number): Promise<ClusterRow | undefined> {
    const values = [leaseMs, this.db.tables.outboxEvent, `${OUTBOX_SETTINGS.prefix}processor.enabled`];
    const [row] = await this.db.query<ClusterRow>(this.sql, values);
    return row;
  }
}
