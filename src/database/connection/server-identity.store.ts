/** What a new session learns about its server. */
export interface ServerIdentity {
  readonly recovering: boolean;
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
  `SELECT pg_is_in_recovery() AS recovering, current_setting('server_version_num')::int AS version, pg_backend_pid() AS pid,
          version() AS product, pg_postmaster_start_time()::text AS started, ${system} AS system`;

export const SERVER_IDENTITY = IDENTITY('(SELECT system_identifier::text FROM pg_control_system())');

export const PRODUCT = 'SELECT version() AS product';

/** By default every role may call pg_control_system. Some hosted servers do not allow it. */
export const SERVER_IDENTITY_WITHOUT_SYSTEM = IDENTITY('NULL::text');
