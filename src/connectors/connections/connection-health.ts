import type { Author } from '../../audit/change-author.js';
import { storableText } from '../../words/text.js';
import type { Connection, ConnectionHealth } from './connection.js';
import type { ConnectionStore } from './connection.store.js';
import type { ConnectionChange, ConnectionEventName } from './connection-changes.js';

const LONGEST_REASON = 999;

const EVENTS: { readonly [H in Exclude<ConnectionHealth, 'unknown'>]: ConnectionEventName } = {
  healthy: 'recovered',
  degraded: 'degraded',
  failing: 'failing',
  needs_reauthorization: 'reauthorization_required',
};

/** How a connection does, as somebody has found it. */
export interface FoundHealth {
  readonly health: Exclude<ConnectionHealth, 'unknown'>;
  /** A sentence without secrets. Null for a healthy one. */
  readonly reason: string | null;
  /** Whether somebody has just agreed at the provider. */
  readonly isNewGrant?: boolean;
}

/**
 * Writes what was found of a connection, whose row the transaction holds. An event is published once for each
 * change, and none for the first time that a connection is healthy. A test does not heal one that has to be
 * authorized again: only a new grant does, because a test may have used a token that is still valid.
 */
export async function saveHealth(
  { session, note }: ConnectionChange,
  store: ConnectionStore,
  connection: Connection,
  { health, reason, isNewGrant = false }: FoundHealth,
  author: Author,
): Promise<Connection> {
  const said = reason === null ? null : storableText(reason, LONGEST_REASON);
  const { health: before, healthReason } = connection;
  if (before === 'needs_reauthorization' && health !== before && !isNewGrant) return connection;
  const after = await store.setHealth(session, connection, health, said);
  const isNew = before !== health && !(before === 'unknown' && health === 'healthy');
  if (isNew)
    await note(author, after, {
      verb: 'health',
      event: EVENTS[health],
      before: { health: before, reason: healthReason },
      after: { health, reason: said },
    });
  return after;
}
