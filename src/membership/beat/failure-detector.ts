import type { ProcessSnapshot } from './integration-process.store.js';

const LOOKS_APART_MS = 1_900;

/*
 * How a dead process is detected before its leases run out.
 *
 * When a process signs in, it names the backend of its heartbeat connection and the server's run to which the
 * backend belongs. Another process declares it dead when the backend is missing in two looks about two
 * seconds apart, and one of these is true:
 *
 * 1. The observer has seen the backend alive over the same connection by which it misses the backend now.
 * 2. The server is still in the run in which the process signed in. Its start time is the same, and so is at
 *    least one of its own processes.
 *
 * Both conditions show that the server did not end all backends at once, as a restart, a crash or a failover
 * does. After such an end, every process has lost its connection and may take seconds to come back. So a
 * missing backend proves nothing, and the lease decides. Condition 1 serves observers that were there before.
 * Condition 2 also serves an observer that came later.
 *
 * Within one run of the server, a backend ends for two reasons. Either its process has ended, and then the
 * process is dead. Or the connection was cut, and the process lives. The process learns of the cut by the end
 * of the connection, or, if no packet reaches it, by a beat without an answer. It drops its work at once,
 * aborts the signals of its handlers, and starts nothing until it is signed in again. If it can reach the
 * server, it is back within a fraction of a second. If it cannot for more than two looks, another process
 * takes over. Its saves are refused then, because its tokens are no longer valid. One risk remains: a handler
 * that ignores its signal may still run while another process runs the same event. A lease that runs out
 * during an outage has the same effect.
 */

/** Finds the other processes that are dead, by two looks at their backends. */
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
   * Ids of the dead processes, and of those whose backend is gone for an unknown reason. An unknown reason
   * does not prove that the leases are over, but it is enough to leave the process out when work is spread.
   * Without that, a process that starts after another was killed would leave part of the free work to the
   * dead one. That would last until the dead process has not been seen for the time of a lease.
   */
  get gone(): ReadonlySet<string> {
    return this.absent;
  }

  /** Ids of the processes whose backend is gone but that may still be alive. */
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
   * The observer has a new connection. What it saw over the previous connection may belong to another run of
   * the server.
   */
  restart(): void {
    this.seenAlive.clear();
    this.goneSince.clear();
    this.declared = new Set();
    this.absent = new Set();
  }
}
