import type { Author } from '../../audit/change-author.js';
import { AbortGroups } from '../../http/abort-groups.js';
import type { Connection, ConnectionHealth } from '../connections/connection.js';
import { ConnectionStore } from '../connections/connection.store.js';
import { changeConnections } from '../connections/connection-changes.js';
import { type FoundHealth, saveHealth } from '../connections/connection-health.js';
import type { OpenedConnection } from '../credentials/opened-connection.js';
import type { Problem } from '../definition/connector.js';
import { sentencesOf, unknownConnection } from '../definition/connector-errors.js';
import { contextOf } from './connection-context.js';
import { problemsOfConnection, storedSaid } from './connection-problems.js';
import { reasonOfThrown } from './reason-of.js';
import type { TenantParts } from './tenant-parts.js';

const TEST_MS = 30_000;

/** What a health check may return. What it leaves out is not known. */
export interface HealthAnswer {
  /** Whether the other system takes the credentials. */
  readonly authValid?: boolean | undefined;
  readonly apiAccessible?: boolean | undefined;
  /** A few words. `exceeded` is degraded. */
  readonly rateLimitStatus?: string | undefined;
  /** Shown to people, so without secrets. */
  readonly details?: unknown;
}

/** How a connection does. */
export interface ConnectionTest {
  readonly ok: boolean;
  readonly health: ConnectionHealth;
  /** A sentence without secrets. Null if all is well. */
  readonly reason: string | null;
  /** What is wrong with what it says. The other system is not asked then. */
  readonly problems: readonly Problem[];
  readonly details: unknown;
}

/**
 * Tests a connection, and stores how it does.
 *
 * @param outer ends the test, and nothing is stored
 * @throws the reason of `outer`
 */
export async function testConnection(
  connection: Connection,
  parts: TenantParts,
  author: Author,
  outer?: AbortSignal,
): Promise<ConnectionTest> {
  const { tenantId, id } = connection;
  const opened = await parts.memory.read(tenantId, id);
  const said = await storedSaid(connection, parts);
  const problems = await problemsOfConnection(connection, opened.connector, said, parts);
  const { found, details } =
    problems.length > 0
      ? { found: { health: 'degraded', reason: sentencesOf(problems) } as FoundHealth, details: null }
      : await asked(opened, parts, outer);
  outer?.throwIfAborted();
  const store = new ConnectionStore(parts.db);
  const saved = await changeConnections(parts, async (change) => {
    const row = await store.lock(change.session, tenantId, id);
    if (row === undefined) throw unknownConnection(id);
    return saveHealth(change, store, row, found, author);
  });
  parts.memory.forget(id);
  const { health, healthReason: reason } = saved;
  return { ok: health === 'healthy', health, reason, problems, details };
}

/** Gets a token, if there are any, and asks the health check of the connector, if it has one. */
async function asked(
  opened: OpenedConnection,
  parts: TenantParts,
  outer: AbortSignal | undefined,
): Promise<{ readonly found: FoundHealth; readonly details: unknown }> {
  const late = AbortSignal.timeout(TEST_MS);
  const signal = outer === undefined ? late : AbortSignal.any([late, outer]);
  try {
    const context = contextOf(opened, parts, signal, { isTest: true });
    await context.credentials();
    const answer = await new AbortGroups().unless(
      signal,
      Promise.resolve(opened.connector.health?.(context)),
    );
    return { found: healthOf(answer), details: (Object(answer) as HealthAnswer).details ?? null };
  } catch (error) {
    return { found: { health: 'failing', reason: reasonOf(error, signal) }, details: null };
  }
}

function healthOf(answer: unknown): FoundHealth {
  const { authValid, apiAccessible, rateLimitStatus } = Object(answer) as HealthAnswer;
  if (authValid === false)
    return { health: 'failing', reason: 'The other system does not take its credentials' };
  if (apiAccessible === false) return { health: 'failing', reason: 'The other system cannot be reached' };
  if (rateLimitStatus === 'exceeded')
    return { health: 'degraded', reason: 'Its limit of requests is used up' };
  return { health: 'healthy', reason: null };
}

function reasonOf(error: unknown, signal: AbortSignal): string {
  return signal.aborted
    ? `The health check has not ended within ${TEST_MS} ms`
    : reasonOfThrown(error, 'The health check');
}
