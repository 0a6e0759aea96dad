import { UnusableConnection } from '../wire/unusable-connection.js';
import type { ServerIdentity } from './server-identity.store.js';

/** For this many milliseconds, no new connection to a server that the process has left is accepted. */
const STAYS_LEFT_MS = 30_000;

/** Ends a session at once, without a message to the server. */
type End = () => void;

/*
 * A process talks to one server at a time.
 *
 * A failover to an asynchronous replica loses what the old server had not sent yet. The old server may go on
 * answering on connections that nobody has cut, while new connections reach the new server. What was read
 * from one server is not true for the other: both give the same positions to different events, and both have
 * the same lease tokens, because one is a copy of the other.
 *
 * So all sessions of a process are with one server. Three rules hold this:
 *
 *   1. Each session learns the identity of its server (start time, and system identifier) before it is
 *      used for anything else.
 *   2. The first session of another server ends all sessions of the previous server, and the loss is
 *      announced in the same turn of the event loop in which the identity arrived. The process then drops
 *      what it held in memory, and claims its consumers again with new tokens.
 *   3. A statement that was waiting for a connection at that moment is not sent (`EngineDatabase`). It was
 *      made from data that is dropped, and the copy may still accept its token.
 *
 * It follows from 2 and 3 that whatever is written to a server was read from that server.
 *
 * This class does not decide which of two servers is the right one. A session that was being opened to the
 * old server may answer after the first session of the new one, and a host name may lead to both for a while.
 * If the process followed each of them, it would change servers with every connection. So a server that was
 * left is refused for a while. Only progress depends on that time: if the process moved to a wrong server by
 * mistake, it is back when the time has passed. A server that was restarted has another identity and is not
 * refused.
 */
export class OneServer {
  /** The number of times that the process has moved to another server. */
  moves = 0;
  private current: { readonly name: string; readonly started: string } | undefined;
  private readonly sessions = new Map<object, End>();
  private readonly left = new Map<string, number>();

  constructor(
    /** Is called when the sessions of the previous server have ended. Nothing is known any more then. */
    private readonly onReplaced: () => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The start time of the server that all sessions are with. Undefined before the first session. */
  get started(): string | undefined {
    return this.current?.started;
  }

  /** Accepts a session. Throws if the process left the server of this session a short while ago. */
  admit(session: object, { started, system }: Pick<ServerIdentity, 'started' | 'system'>, end: End): void {
    const name = `${started} ${system ?? 'unknown'}`;
    if (name !== this.current?.name) this.moveTo({ name, started });
    this.sessions.set(session, end);
  }

  /** Whether the session was accepted and has not ended. */
  isAdmitted(session: object): boolean {
    return this.sessions.has(session);
  }

  /** Is called when the session has ended. */
  sessionEnded(session: object): void {
    this.sessions.delete(session);
  }

  private moveTo(server: { readonly name: string; readonly started: string }): void {
    const leftAt = this.left.get(server.name);
    if (leftAt !== undefined && this.now() - leftAt < STAYS_LEFT_MS) {
      throw new UnusableConnection(
        'connection error: the new connection reached a server that this process has left for another one a short while ago',
      );
    }
    const before = this.current;
    this.current = server;
    this.left.delete(server.name);
    if (before === undefined) return;
    this.left.set(before.name, this.now());
    this.moves++;
    for (const end of this.sessions.values()) end();
    this.onReplaced();
  }
}
