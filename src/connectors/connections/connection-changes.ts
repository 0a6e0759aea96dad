import { AuditStore } from '../../audit/audit.store.js';
import type { Author } from '../../audit/change-author.js';
import { clientOf } from '../../database/clients/session-client.js';
import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { DomainEventInput } from '../../events/domain-event.js';
import type { PartEvents } from '../../outbox/part-events.js';
import { type AddSecret, sealingTransaction } from '../../secrets/sealing-transaction.js';
import type { SecretParts } from '../../secrets/secret-parts.js';
import { tellOwner } from '../../wakeups/wakeup.store.js';
import { type Connection, labelOf, metadataOfTenant } from './connection.js';

export const CONNECTION_AGGREGATE = 'connection';
export const SOURCE_MODULE = 'connectors';

/** What processes tell each other when a connection has changed. */
export const CHANGED_MARK = 'connection ';
/** What they tell each other when a connection has got a token. */
export const TOKEN_MARK = 'connection-token ';

/** What becomes of a connection, as its events say it. */
export type ConnectionEventName =
  | 'created'
  | 'updated'
  | 'enabled'
  | 'disabled'
  | 'revoked'
  | 'removed'
  | 'authorized'
  | 'degraded'
  | 'failing'
  | 'recovered'
  | 'reauthorization_required'
  | 'secret_rotated'
  | 'key_rotated';

/** The payload of every event of a connection. */
export interface ConnectionEvent {
  readonly connectionId: string;
  readonly tenantId: string;
  readonly connector: string;
  readonly name: string;
  readonly state: Connection['state'];
  readonly health: Connection['health'];
  /** Why it does not do well. Null where it does, or where nobody knows. */
  readonly reason: string | null;
}

/** One change of a connection, for the audit and the log. It has no secrets. */
export interface NotedChange {
  /** What was done: `enable`. */
  readonly verb: string;
  /** Undefined for what changes nothing that others see. */
  readonly event?: ConnectionEventName;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What changes of connections work with. */
export interface ChangeParts {
  readonly db: EngineDatabase;
  readonly secrets: SecretParts;
  readonly events: PartEvents;
}

/** One transaction that changes connections. */
export interface ConnectionChange {
  readonly session: EngineSession;
  /** Adds a version of a secret. */
  readonly add: AddSecret;
  /** Writes the audit and the event of a change. `connection` is how it is now. */
  note(author: Author, connection: Connection, change: NotedChange): Promise<void>;
}

/**
 * Runs a transaction that changes connections. The audit and the events of the changes are committed with
 * them. All processes are told at the commit, so that they look at the connection anew.
 */
export async function changeConnections<R>(
  { db, secrets, events }: ChangeParts,
  fn: (change: ConnectionChange) => Promise<R>,
): Promise<R> {
  let published: string[] = [];
  let changed = new Set<string>();
  const result = await sealingTransaction(secrets, db, async (session, add) => {
    // The transaction may run again.
    published = [];
    changed = new Set();
    const note = async (author: Author, connection: Connection, change: NotedChange) => {
      const { verb, event, before, after } = change;
      const { id } = connection;
      const noted = { action: `connections.${verb}`, target: labelOf(connection), affected: 1 };
      await new AuditStore(db).add(session, author, { ...noted, before, after });
      changed.add(id);
      if (event === undefined) return;
      const written = eventOf(connection, event);
      await events.write(clientOf(session), [written]);
      published.push(written.eventName);
    };
    const returned = await fn({ session, add, note });
    for (const id of changed) await tellOwner(session, db.schema, CHANGED_MARK + id);
    return returned;
  });
  events.committed(published);
  return result;
}

/** Notes that something was asked for and not allowed. */
export async function noteDenied(
  db: EngineDatabase,
  author: Author,
  connection: Connection,
  action: string,
): Promise<void> {
  await db.transaction((session) =>
    new AuditStore(db).add(session, author, {
      action: 'connections.run',
      target: labelOf(connection),
      outcome: 'denied',
      after: { action },
    }),
  );
}

function eventOf(
  { id, tenantId, connector, name, state, health, healthReason }: Connection,
  event: ConnectionEventName,
): DomainEventInput {
  const payload: ConnectionEvent = {
    connectionId: id,
    tenantId,
    connector,
    name,
    state,
    health,
    reason: healthReason,
  };
  return {
    eventName: `integration.connection.${event}`,
    sourceModule: SOURCE_MODULE,
    aggregateType: CONNECTION_AGGREGATE,
    aggregateId: id,
    payload,
    metadata: metadataOfTenant(tenantId),
  };
}

/** A connection as the audit has it. */
export function auditViewOf({ connector, name, state, config, actions, scopes, account }: Connection) {
  return { connector, name, state, config, actions, scopes, account };
}
