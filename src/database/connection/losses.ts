import { Subject } from 'rxjs';
import { isEndOfIdleness } from './connection-loss.js';
import type { EngineConnectionFactory, SessionUse } from './engine-connection.js';

/*
 * Which end of a session is a loss. A server that ends an idle session has lost nothing. Nor is the end of a
 * session of the client that handlers run on: a statement of theirs may have ended it, and what it was about
 * to commit is asked of the tables before it is done again (the inbox row, or the positions of the batch). A
 * server that was lost, or lost commits, ends the engine's own sessions as well (the heartbeat's is always
 * open), or answers on them and was replaced: a new session shows that, and one is opened after every end.
 */

/** Announces losses, and looks where new connections lead. */
export class Losses {
  readonly announced$ = new Subject<string>();
  private looking: Promise<void> | undefined;
  private closing = false;

  constructor(private readonly connections: Pick<EngineConnectionFactory, 'open' | 'server'>) {}

  /** A session of a pool has ended, `cause` being what its connection told. */
  sessionEnded(session: object, use: SessionUse, applicationName: string, cause: unknown): void {
    // One that was refused as it was opened is no loss either.
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

  /** Announces nothing more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.closing = true;
    await this.looking;
  }

  private lookSoon(): void {
    if (!this.closing) this.looking ??= this.lookWhereItLeads();
  }

  /**
   * A server that was replaced cuts some connections, or none, and answers on the others: only a new
   * connection shows where the URL leads now. Whether it does is of no matter here: to be opened is enough
   * (`OneServer`).
   */
  private async lookWhereItLeads(): Promise<void> {
    try {
      await (await this.connections.open('nestjs-integration look')).close();
    } catch {
      // Whoever needs a connection will say so.
    } finally {
      this.looking = undefined;
    }
  }
}
