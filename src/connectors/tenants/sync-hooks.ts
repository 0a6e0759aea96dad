import type { EngineSession } from '../../database/sql/engine-session.js';
import type { Connection } from '../connections/connection.js';

/** The records of a connection that syncs keep, for code that learns of changes by itself. */
export interface SyncFeed {
  /**
   * Takes a record as it came, for example with a webhook. Returns what became of it.
   *
   * @throws IntegrationError INTEGRATION_SYNC_UNKNOWN; INTEGRATION_SYNC_PAGE for a record without an id
   */
  upsert(sync: string, record: unknown): Promise<ToldRecord>;
  /**
   * The other system has deleted a record.
   *
   * @param at when, if the other system says it
   * @throws IntegrationError INTEGRATION_SYNC_UNKNOWN
   */
  remove(sync: string, externalId: string | number, at?: Date): Promise<ToldRecord>;
}

/**
 * What became of a record that was told: `older` is one that was known in a newer state, and `aside` one that
 * does not fit its model.
 */
export type ToldRecord = 'created' | 'updated' | 'deleted' | 'unchanged' | 'older' | 'aside';

/**
 * What follows for syncs when a connection changes. The first three work in the transaction of the change.
 */
export interface SyncHooks {
  enabled(session: EngineSession, connection: Connection): Promise<void>;
  disabled(session: EngineSession, connection: Connection): Promise<void>;
  removed(session: EngineSession, connection: Connection): Promise<void>;
  /** The change has committed. */
  changed(connectionId: string): void;
  feedOf(connection: Connection): SyncFeed;
}
