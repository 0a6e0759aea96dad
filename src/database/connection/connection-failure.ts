import { IntegrationError, type IntegrationErrorCode } from '../../errors.js';
import { isDriversLoginError } from '../wire/driver-words.js';
import { reasonOf, sqlStateOf } from './connection-loss.js';

/** The SQLSTATEs invalid_authorization_specification and invalid_password. */
const REFUSED_LOGINS = new Set(['28000', '28P01']);
/** The SQLSTATE invalid_catalog_name. */
const UNKNOWN_DATABASE = '3D000';

/** The error for a server that could not be reached. It says which part of the URL to look at. */
export function connectionFailure(error: unknown, target: string, waitedMs?: number): IntegrationError {
  const { code, words, remedy } = kindOf(error);
  const waited = waitedMs === undefined ? '' : ` (tried for ${Math.round(waitedMs / 1000)} s)`;
  return new IntegrationError(
    code,
    `${words} ${target}${waited}: ${reasonOf(error)}. ${remedy}`,
    { target },
    { cause: error },
  );
}

/** The error for a connection that was lost in the middle of something. */
export function connectionLost(error: unknown, target: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_DATABASE_UNREACHABLE',
    `the connection to Postgres at ${target} was lost: ${reasonOf(error)}. What was being changed is rolled back, unless it was just being committed: when the server runs again, look before you repeat it`,
    { target },
    { cause: error },
  );
}

interface Kind {
  readonly code: IntegrationErrorCode;
  readonly words: string;
  readonly remedy: string;
}

function kindOf(error: unknown): Kind {
  const state = sqlStateOf(error) ?? '';
  if (REFUSED_LOGINS.has(state) || isDriversLoginError(error)) {
    return {
      code: 'INTEGRATION_DATABASE_LOGIN_REFUSED',
      words: 'Postgres refuses the login at',
      remedy:
        'The server answers, so host and port are right: check user and password in connectionString or DATABASE_URL (special characters must be percent-encoded), and whether the server wants TLS (sslmode=require).',
    };
  }
  if (state === UNKNOWN_DATABASE) {
    return {
      code: 'INTEGRATION_DATABASE_UNKNOWN',
      words: 'Postgres has no such database at',
      remedy:
        'Server and login are right: check the name behind the last / in connectionString or DATABASE_URL, or create the database.',
    };
  }
  return {
    code: 'INTEGRATION_DATABASE_UNREACHABLE',
    words: 'cannot reach Postgres at',
    remedy: 'Check that the server runs and that connectionString or DATABASE_URL names it.',
  };
}
