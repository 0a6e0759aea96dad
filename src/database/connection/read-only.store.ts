import { IntegrationError } from '../../errors.js';
import { sqlIdentifier } from '../sql/pasteable-text.js';
import type { ServerIdentity } from './server-identity.store.js';

type ReadOnlyServer = Pick<ServerIdentity, 'recovering' | 'onlyReads' | 'onlyReadsBy' | 'role' | 'database'>;

const SETTING = 'default_transaction_read_only';

/**
 * Refuses a server to which the engine cannot write: a standby, or one whose sessions only read by default.
 * The engine does not switch the setting off for itself, because the client of the host would publish into
 * transactions that only read all the same. Hosted servers switch it on when their disk is full, and then
 * nobody should write.
 */
export function refuseReadOnly(server: ReadOnlyServer, address: () => string): void {
  if (server.recovering) {
    throw new IntegrationError(
      'INTEGRATION_DATABASE_READ_ONLY',
      `Postgres at ${address()} only reads: it is in recovery (a standby). Point connectionString or DATABASE_URL at the primary`,
      { recovering: true },
    );
  }
  if (!server.onlyReads) return;
  throw new IntegrationError(
    'INTEGRATION_DATABASE_READ_ONLY',
    `Postgres at ${address()} only reads: ${SETTING} is on, ${remedyOf(server)}`,
    { recovering: false, setting: SETTING, setBy: server.onlyReadsBy },
  );
}

/** What pg_settings calls the places where it can be set. The rest of them belong to the server. */
function remedyOf({ onlyReadsBy, role, database }: ReadOnlyServer): string {
  const user = sqlIdentifier(role);
  const name = sqlIdentifier(database);
  switch (onlyReadsBy) {
    case 'client':
      return `set by the connection itself. Take it out of options in connectionString or DATABASE_URL, and out of the variable PGOPTIONS`;
    case 'database':
      return `set for the database. ${inWritingSession(`ALTER DATABASE ${name} RESET ${SETTING};`)}`;
    case 'user':
      return `set for the role. ${inWritingSession(`ALTER ROLE ${user} RESET ${SETTING};`)} Or connect as a role that may write`;
    case 'database user':
      return `set for the role in this database. ${inWritingSession(`ALTER ROLE ${user} IN DATABASE ${name} RESET ${SETTING};`)} Or connect as a role that may write`;
    case 'global':
      return `set for all roles. ${inWritingSession(`ALTER ROLE ALL RESET ${SETTING};`)}`;
    default:
      return `set for the server. A hosted server may have switched it on because its disk is full: make room first. Otherwise look where it is set (SELECT source, sourcefile FROM pg_settings WHERE name = '${SETTING}'). ${inWritingSession(`ALTER SYSTEM RESET ${SETTING}; SELECT pg_reload_conf();`)}`;
  }
}

function inWritingSession(statement: string): string {
  return `Run in one session: SET ${SETTING} = off; ${statement}`;
}
