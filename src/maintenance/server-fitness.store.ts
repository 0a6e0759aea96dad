import type { SqlClient } from '../database/clients/sql-client.js';
import { INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE } from '../database/connection/sql-states.js';
import type { EngineDatabase } from '../database/engine-database.js';

/** Identifies the database that a connection leads to. */
export interface DatabaseIdentity {
  readonly name: string;
  readonly oid: string;
  readonly started: string;
  readonly recovering: boolean;
  /** Whether this transaction only reads. */
  readonly onlyReads: boolean;
  /** The server's own address, or null for a Unix socket. */
  readonly address: string | null;
}

const DATABASE_IDENTITY = `
  SELECT d.datname::text AS name, d.oid::text AS oid, extract(epoch FROM pg_postmaster_start_time())::text AS started,
         pg_is_in_recovery() AS recovering, current_setting('transaction_read_only') = 'on' AS "onlyReads", host(inet_server_addr()) || ':' || inet_server_port()::text AS address
  FROM pg_database d WHERE d.datname = current_database()`;

/** Reads properties of the server that its version does not tell. */
export class ServerFitnessStore {
  private readonly log: string;

  constructor(private readonly db: EngineDatabase) {
    this.log = db.tables.outboxEvent;
  }

  async databaseOfEngine(): Promise<DatabaseIdentity | undefined> {
    return (await this.db.query<DatabaseIdentity>(DATABASE_IDENTITY))[0];
  }

  /**
   * Reads the database's identity in a transaction of the client. A client that splits reads from writes
   * sends a transaction to the server to which it writes.
   */
  async databaseOf(transaction: SqlClient): Promise<DatabaseIdentity | undefined> {
    return (await transaction.$queryRawUnsafe<DatabaseIdentity[]>(DATABASE_IDENTITY))[0];
  }

  /** Tables of the schema in which a policy may hide rows from this role. */
  async tablesWithPolicies(): Promise<string[]> {
    const rows = await this.db.query<{ name: string }>(
      `SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND row_security_active(c.oid) ORDER BY 1`,
      [this.db.schema],
    );
    return rows.map(({ name }) => name);
  }

  async role(): Promise<string> {
    const [row] = await this.db.query<{ role: string }>('SELECT current_user::text AS role');
    return row?.role ?? '';
  }

  /** Whether Citus has spread the log over several servers. */
  async isDistributed(): Promise<boolean> {
    const [citus] = await this.db.query<{ there: boolean }>(
      `SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL AS there`,
    );
    if (citus?.there !== true) return false;
    const rows = await this.db.query('SELECT 1 FROM pg_dist_partition WHERE logicalrelid = $1::regclass', [
      this.log,
    ]);
    return rows.length > 0;
  }

  /**
   * Locks the log as a writer does, in a session of its own, while `look` runs. Resolves to what `look`
   * found, and to the virtual transaction that it should have found. Resolves to undefined if this role may
   * not write to the log, or if somebody has locked all of it.
   */
  async asWriter<R>(
    look: () => Promise<R>,
  ): Promise<{ found: R; virtualTransaction: string | undefined } | undefined> {
    const writer = await this.db.openDedicated('nestjs-integration probe', false);
    try {
      await writer.query('BEGIN');
      const isHeld = await writer.query(`LOCK TABLE ${this.log} IN ROW EXCLUSIVE MODE`).then(
        () => true,
        (error: { code?: unknown }) => {
          if (error.code === INSUFFICIENT_PRIVILEGE || error.code === LOCK_NOT_AVAILABLE) return false;
          throw error;
        },
      );
      if (!isHeld) return undefined;
      const [own] = await writer.query<{ id: string }>(
        `SELECT virtualtransaction AS id FROM pg_catalog.pg_locks WHERE locktype = 'virtualxid' AND pid = pg_backend_pid() LIMIT 1`,
      );
      return { found: await look(), virtualTransaction: own?.id };
    } finally {
      await writer.close();
    }
  }
}
