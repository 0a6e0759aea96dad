import { Subject } from 'rxjs';
import { isEndOfIdleness } from './connection-loss.js';
import type { EngineConnectionFactory, SessionUse } from './engine-connection.js';

/*
 * Not every end of a session is a loss.
 *
 * A server that ends an idle session has lost nothing.
 *
 * Handlers run on sessions of a client. The end of such a session is not a loss either, because a statement
 * of a handler may have ended it. Before the work is done again, the tables tell whether it was committed
 * (the row in the inbox, or the positions of the batch).
 *
 * A server that was lost, or that lost commits, also ends the sessions of the engine. The session of the
 * heartbeat is always open, so its end is seen. A server that was replaced may still answer on old sessions.
 * A new session shows the replacement, so one is opened after every end.
 */

/** Announces losses, and finds out where new connections lead. */
export class Losses {
  readonly announced$ = new Subject<string>();
  private looking: Promise<void> | undefined;
  private closing = false;

  constructor(private readonly connections: Pick<EngineConnectionFactory, 'open' | 'server'>) {}

  /** Is called when a session of a pool has ended. `cause` is the error that its connection emitted. */
  sessionEnded(session: object, use: SessionUse, applicationName: string, cause: unknown): void {
    // A session that was refused while it was opened is not a loss either.
    if (!this.connections.server.isAdmitted(session) || isEndOfIdleness(cause)) return;
    if (use === 'engine') this.announceAndLook(applicationName);
    else this.lookSoon();
  }

  announceAndLook(what: string): void {
    this.announce(what);
    this.lookSoon();
  }

  announce(what: string): void {
    if (!this.closing) this.announced$.next(what);
  }

  /** Stops announcing. Resolves when no look is running. */
  async close(): Promise<void> {
    this.closing = true;
    await this.looking;
  }

  private lookSoon(): void {
    if (!this.closing) this.looking ??= this.lookWhereItLeads();
  }

  /**
   * A server that was replaced may cut only some of its connections, or none, and answer on the others. Only
   * a new connection shows where the URL leads now. It is enough to open it, because `OneServer` looks at
   * every new connection.
   */
  private async lookWhereItLeads(): Promise<void> {
    try {
      await (await this.connections.open('nestjs-integration look')).close();
    } catch {
      // The code that needs a connection will report the error.
    } finally {
      this.looking = undefined;
    }
  }
}
