/** What a new session learns about its server. */
export interface ServerIdentity {
  readonly recovering: boolean;
  /**
   * Whether transactions of a new session only read by default. The session of admins sets this itself, so
   * this is the value with which the session began.
   */
  readonly onlyReads: boolean;
  /** Where that default was set, in words of pg_settings: `database`, `user`, `client` … */
  readonly onlyReadsBy: string;
  readonly role: string;
  readonly database: string;
  /** The value of server_version_num. */
  readonly version: number;
  /**
   * The process ID of the backend of this session, from the server itself. A proxy may have told the driver
   * another one.
   */
  readonly pid: number;
  /** The name and version that the server gives itself. */
  readonly product: string;
  /** The start time of the server, to the microsecond. */
  readonly started: string;
  /** The system identifier of the data. Null if the engine is not allowed to read it. */
  readonly system: string | null;
}

const IDENTITY = (system: string) =>
  `SELECT pg_is_in_recovery() AS recovering, coalesce(only_reads.reset_val = 'on', false) AS "onlyReads", only_reads.source AS "onlyReadsBy",
          session_user::text AS role, current_database()::text AS database, current_setting('server_version_num')::int AS version, pg_backend_pid() AS pid,
          version() AS product, pg_postmaster_start_time()::text AS started, ${system} AS system
   FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_settings AS only_reads ON only_reads.name = 'default_transaction_read_only'`;

export const SERVER_IDENTITY = IDENTITY('(SELECT system_identifier::text FROM pg_control_system())');

export const PRODUCT = 'SELECT version() AS product';

/** By default every role may call pg_control_system. Some hosted servers do not allow it. */
export const SERVER_IDENTITY_WITHOUT_SYSTEM = IDENTITY('NULL::text');
