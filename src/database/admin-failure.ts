import { IntegrationError } from '../errors.js';
import { sqlStateOf } from './connection/connection-loss.js';
import { INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE, QUERY_CANCELED } from './connection/sql-states.js';
import {
  OF_ADMINS,
  OF_CALL_ADMINS,
  OF_CONNECTION_ADMINS,
  OF_SAGA_ADMINS,
  OF_SCHEDULE_ADMINS,
  OF_WEBHOOK_ADMINS,
} from './privileges/admin-rights.store.js';
import { detailsOfMissing, wordsOfMissing } from './privileges/missing-rights.js';
import { type MissingRight, PrivilegesStore } from './privileges/privileges.store.js';
import type { EngineSession } from './sql/engine-session.js';
import { ADMIN_READ_LIMIT_MS, SESSION_LIMIT_MS } from './sql/session-settings.store.js';

/** Whose statement has failed. */
export interface FailedFor {
  readonly schema: string;
  /** Whose role it is, for the message about a missing right. */
  readonly whose: string;
  /** Asks for the rights of the role. */
  readonly session: EngineSession;
  readonly isRead: boolean;
}

/**
 * What the failure of a statement is to the admin who asked for it. Failures of other kinds, and those that
 * have been told already, stay as they are.
 */
export async function adminFailure(error: unknown, about: FailedFor): Promise<unknown> {
  if (error instanceof IntegrationError) return error;
  const state = sqlStateOf(error);
  if (state === QUERY_CANCELED) return about.isRead ? slowRead(error) : slowChange(error);
  if (state === LOCK_NOT_AVAILABLE) return lockedRows(error);
  return state === INSUFFICIENT_PRIVILEGE ? lackedRight(error, about) : error;
}

function slowRead(cause: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_ADMIN_TIMEOUT',
    `The read was ended after ${ADMIN_READ_LIMIT_MS / 1_000} seconds. Narrow the filter or ask for a smaller page, or try again when the database has less to do`,
    { limitMs: ADMIN_READ_LIMIT_MS },
    { cause },
  );
}

function slowChange(cause: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_ADMIN_TIMEOUT',
    `The server ended a statement of the change, which may take ${SESSION_LIMIT_MS / 1_000} seconds. Its transaction was rolled back. Change less at once, or try again when the database has less to do`,
    { limitMs: SESSION_LIMIT_MS },
    { cause },
  );
}

function lockedRows(cause: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_ADMIN_TIMEOUT',
    'Other transactions have held rows for too long that this call needs. Its transaction was rolled back. Try again in a moment',
    {},
    { cause },
  );
}

async function lackedRight(cause: unknown, about: FailedFor): Promise<IntegrationError> {
  const missing = await missingRights(cause, about);
  const words =
    wordsOfMissing(about.schema, about.whose, missing) ??
    `The role of ${about.whose} lacks a right. docs/guide/operate/security.md lists the grants of a role that administers (integration_admin)`;
  return new IntegrationError(
    'INTEGRATION_PRIVILEGES_MISSING',
    words,
    detailsOfMissing(about.schema, missing),
    { cause },
  );
}

/**
 * The rights that the role lacks on the table that the server names, or all that it lacks if the server names
 * none of the tables. What a server says is in its own language, so only names are looked for.
 */
async function missingRights(cause: unknown, { schema, session }: FailedFor): Promise<MissingRight[]> {
  const { message } = cause as { message?: unknown };
  const words = new Set(String(message).match(/\w+/g));
  const ofParts = [
    ...OF_WEBHOOK_ADMINS,
    ...OF_SAGA_ADMINS,
    ...OF_CALL_ADMINS,
    ...OF_CONNECTION_ADMINS,
    ...OF_SCHEDULE_ADMINS,
  ].filter(({ on }) => words.has(on));
  const rights = [...OF_ADMINS, ...ofParts];
  // If the rights cannot be asked for, the error says less.
  const missing = await new PrivilegesStore(schema).missingOfEngine(session, rights).catch(() => []);
  const named = missing.filter(({ name }) => name === null || words.has(name));
  return named.length > 0 ? named : missing;
}
