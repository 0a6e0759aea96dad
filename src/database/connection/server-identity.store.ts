/** What a session tells of its server as it is opened. */
export interface ServerIdentity {
  readonly recovering: boolean;
  /** server_version_num */
  readonly version: number;
  /** The backend of this session, as the server has it: a proxy may have told the driver another one. */
  readonly pid: number;
  /** The server's own name and version. */
  readonly product: string;
  /** When the server was started, to the microsecond. */
  readonly started: string;
  /** The identity of its data; null where it may not be read. */
  readonly system: string | null;
}

const IDENTITY = (system: string) =>
  `SELECT pg_is_in_recovery() AS recovering, current_setting('server_version_num')::int AS version, pg_backend_pid() AS pid,
          version() AS product, pg_postmaster_start_time()::text AS started, ${system} AS system`;

export const SERVER_IDENTITY = IDENTITY('(SELECT system_identifier::text FROM pg_control_system())');

export const PRODUCT = 'SELECT version() AS product';

/** Everybody may call pg_control_system by default; some hosted servers do not allow it. */
export const SERVER_IDENTITY_WITHOUT_SYSTEM = IDENTITY('NULL::text');
