import type { EngineDatabase } from '../../database/engine-database.js';
import type { SecretParts } from '../../secrets/secret-parts.js';
import { LatestEntries } from '../../words/latest-entries.js';
import { ConnectionStore } from '../connections/connection.store.js';
import { unknownConnection } from '../definition/connector-errors.js';
import type { ConnectorRegistry } from '../definition/connector-registry.js';
import { type OpenedConnection, openConnection } from './opened-connection.js';

/**
 * For how long a connection is believed to be as it was, if processes hear of changes, and if they do not.
 */
const LISTENING_MS = 60_000;
const DEAF_MS = 5_000;
const MOST_REMEMBERED = 10_000;

interface Remembered {
  readonly tenantId: string;
  readonly opened: Promise<OpenedConnection>;
  readonly at: number;
}

/**
 * The connections that this process uses. Every change tells all processes at its commit, and then the
 * connection is read anew. A message that is lost costs a minute.
 */
export class ConnectionMemory {
  private readonly remembered = new LatestEntries<string, Remembered>(MOST_REMEMBERED);
  private readonly store: ConnectionStore;

  constructor(
    db: EngineDatabase,
    private readonly registry: ConnectorRegistry,
    private readonly secrets: () => SecretParts,
    private readonly isListening: () => boolean,
  ) {
    this.store = new ConnectionStore(db);
  }

  /**
   * A connection of a tenant, which may be some moments old.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN, INTEGRATION_CONNECTOR_UNKNOWN,
   * INTEGRATION_SECRET_UNREADABLE
   */
  async get(tenantId: string, id: string): Promise<OpenedConnection> {
    const known = this.remembered.get(id);
    const validMs = this.isListening() ? LISTENING_MS : DEAF_MS;
    if (known !== undefined && performance.now() - known.at < validMs) {
      if (known.tenantId !== tenantId) throw unknownConnection(id);
      return known.opened;
    }
    const entry: Remembered = { tenantId, opened: this.read(tenantId, id), at: performance.now() };
    this.remembered.set(id, entry);
    entry.opened.catch(() => {
      if (this.remembered.get(id) === entry) this.remembered.delete(id);
    });
    return entry.opened;
  }

  /** The same as it is stored now. */
  async read(tenantId: string, id: string): Promise<OpenedConnection> {
    const connection = await this.store.find(tenantId, id);
    if (connection === undefined) throw unknownConnection(id);
    return openConnection(connection, this.registry.of(connection.connector), this.secrets());
  }

  /**
   * Reads anew: one connection, or all. What is being read at this moment counts for nobody who comes later.
   */
  forget(id?: string): void {
    if (id === undefined) this.remembered.clear();
    else this.remembered.delete(id);
  }
}
