import { UnusableConnection } from '../wire/unusable-connection.js';
import type { ServerIdentity } from './server-identity.store.js';

/** So long no new connection to a server that was left is accepted. */
const STAYS_LEFT_MS = 30_000;

/** Ends a session at once, without a farewell. */
type End = () => void;

/*
 * One server at a time.
 *
 * A failover to an asynchronous replica loses what the old server had not sent. The old server may go on
 * answering on the connections that nobody has cut, while new connections reach the new server. What is read
 * from one server says nothing about the other: both hand out the same positions for different events, and
 * the copy has the same lease tokens.
 *
 * So the sessions of a process are with one server only:
 *
 *   1. Every session learns its server's identity (start time, and system identifier) before it is used for
 *      anything else.
 *   2. The first session of another server ends all sessions of the server before, and the loss is announced,
 *      in the same turn of the event loop in which the identity arrived. What was held in memory is dropped
 *      then, and consumers are claimed anew with new tokens.
 *   3. A statement that has waited for a connection meanwhile is not sent (`EngineDatabase`): it was put
 *      together from what was dropped, and its token may still be the right one on the copy.
 *
 * From 2 and 3: whatever is written to a server was read from that server.
 *
 * Which of two servers is the right one is not decided here. A session that was being opened to the old
 * server may answer after the first of the new one, and names may lead to both for a while. Following each of
 * them would change servers with every connection. So a server that was left is refused for a while. Nothing
 * but progress depends on that: after a false move, to a server that was reached by mistake, the process is
 * back when the time has passed. A server that was restarted has another identity and is not refused.
 */
export class OneServer {
  /** How often the process has moved to another server. */
  moves = 0;
  private current: { readonly name: string; readonly started: string } | undefined;
  private readonly sessions = new Map<object, End>();
  private readonly left = new Map<string, number>();

  constructor(
    /** The sessions of the server before are ended; nothing is known any more. */
    private readonly onReplaced: () => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** When the server was started that all sessions are with; undefined before the first one. */
  get started(): string | undefined {
    return this.current?.started;
  }

  /** Accepts a session, or throws where its server was left a short while ago. */
  admit(session: object, { started, system }: Pick<ServerIdentity, 'started' | 'system'>, end: End): void {
    const name = `${started} ${system ?? 'unknown'}`;
    if (name !== this.current?.name) this.moveTo({ name, started });
    this.sessions.set(session, end);
  }

  /** Whether the session was accepted and has not ended. */
  isAdmitted(session: object): boolean {
    return this.sessions.has(session);
  }

  /** The session has ended. */
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
