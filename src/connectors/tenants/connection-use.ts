import type { EngineDatabase } from '../../database/engine-database.js';
import { LatestEntries } from '../../words/latest-entries.js';
import { ConnectionStore } from '../connections/connection.store.js';

/** `last_used_at` is written at most once in this time for each connection and process. */
const WRITTEN_EVERY_MS = 30_000;
const MOST_REMEMBERED = 10_000;

/** Writes down when connections are used. The time that is stored is right within a minute. */
export class ConnectionUse {
  private readonly written = new LatestEntries<string, number>(MOST_REMEMBERED);

  constructor(private readonly db: EngineDatabase) {}

  /** It never rejects, and nobody waits for it: whoever uses a connection needs no note of it. */
  used(of: { readonly tenantId: string; readonly id: string }): void {
    const now = performance.now();
    if (now - (this.written.get(of.id) ?? Number.NEGATIVE_INFINITY) < WRITTEN_EVERY_MS) return;
    this.written.set(of.id, now);
    new ConnectionStore(this.db).used(of).catch(() => this.written.delete(of.id));
  }
}
