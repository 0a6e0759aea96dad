import type { ProcessSnapshot } from './integration-process.store.js';

const LOOKS_APART_MS = 1_900;

/*
 * Who is dead before the lease says so.
 *
 * A process names the backend of its heartbeat connection as it signs in, and the run of the server that the
 * backend belongs to. It is declared dead when that backend is missing in two looks about two seconds apart,
 * and
 *
 *   (1) the observer has seen the backend alive over the connection by which it misses it now, or
 *   (2) the server is still in the run in which the process signed in: it has the same start time, and
 *       one of its own processes at least is the same.
 *
 * Both say that the server did not end all backends at once (restart, crash, failover). After that every
 * process has lost its connection and may take seconds to come back, so a missing backend says nothing, and
 * the lease decides. (1) holds for observers that were there before, and for processes of earlier versions,
 * which do not name the run. (2) holds for an observer that came later as well.
 *
 * In one run of the server a backend ends for two reasons. Its process has ended: then it is dead. Or the
 * connection was cut, and the process lives. It is told by the end of the connection, or, if no packet
 * reaches it, by a beat without an answer. It drops its work at once, aborts the signals of its handlers,
 * starts nothing until it is signed in again, and is back within a fraction of a second if the server can be
 * reached. If it cannot, for more than two looks, another process takes over. Its saves are refused then,
 * because the tokens are not its own any more. What remains is that a handler which ignores its signal may
 * still be running while another process runs the same event. A lease that runs out during an outage has the
 * same effect.
 */

/** Which other processes are dead, by two looks at their backends. */
export class FailureDetector {
  private readonly seenAlive = new Set<string>();
  private readonly goneSince = new Map<string, number>();
  private declared = new Set<string>();
  private absent = new Set<string>();

  /** Ids of the processes that are dead. */
  get dead(): ReadonlySet<string> {
    return this.declared;
  }

  /**
   * The dead ones, and those whose backend is gone for a reason that cannot be told: no proof that their
   * leases are over, but reason enough to leave them out where work is spread. Else whoever started after a
   * process was killed would leave its share of what becomes free to the dead one, until that has not been
   * seen for a lease.
   */
  get gone(): ReadonlySet<string> {
    return this.absent;
  }

  /** Those whose backend is gone and that may be alive nevertheless. */
  get unjudged(): readonly string[] {
    return [...this.absent].filter((id) => !this.declared.has(id));
  }

  observe(processes: readonly ProcessSnapshot[], self: string, now = performance.now()): void {
    this.declared = new Set();
    this.absent = new Set();
    for (const { id, backendGone, signedInToThisRun } of processes) {
      if (id === self || backendGone === null) continue;
      if (!backendGone) {
        this.seenAlive.add(id);
        this.goneSince.delete(id);
      } else {
        const since = this.goneSince.get(id) ?? now;
        this.goneSince.set(id, since);
        if (now - since < LOOKS_APART_MS) continue;
        this.absent.add(id);
        if (signedInToThisRun || this.seenAlive.has(id)) this.declared.add(id);
      }
    }
  }

  /**
   * The observer's own connection is new: what was seen over the one before may have been in another run of
   * the server.
   */
  restart(): void {
    this.seenAlive.clear();
    this.goneSince.clear();
    this.declared = new Set();
    this.absent = new Set();
  }
}
