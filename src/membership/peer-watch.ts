import type { ProcessSight } from './integration-process.store.js';

const LOOKS_APART_MS = 1_900;

/**
 * Which other processes are dead before their leases say so: the backend of their heartbeat connection is gone in two
 * looks about two seconds apart, by an observer whose own connection has seen it alive. After a server restart every
 * backend is new and nothing can be judged until it was seen: then the lease decides.
 */
export class PeerWatch {
  private readonly seenAlive = new Set<string>();
  private readonly goneSince = new Map<string, number>();
  private declared = new Set<string>();
  private absent = new Set<string>();

  /** Ids of the processes that are dead. */
  get dead(): ReadonlySet<string> {
    return this.declared;
  }

  /**
   * The dead ones, and those whose backend was gone before this observer came: no proof that their leases are over, but reason
   * enough to leave them out where work is spread. Else whoever started after a process was killed would leave its share of what
   * becomes free to the dead one, until that has not been seen for a lease.
   */
  get gone(): ReadonlySet<string> {
    return this.absent;
  }

  look(processes: readonly ProcessSight[], self: string, now = performance.now()): void {
    this.declared = new Set();
    this.absent = new Set();
    for (const { id, backendGone } of processes) {
      if (id === self || backendGone === null) continue;
      if (!backendGone) {
        this.seenAlive.add(id);
        this.goneSince.delete(id);
      } else {
        const since = this.goneSince.get(id) ?? now;
        this.goneSince.set(id, since);
        if (now - since < LOOKS_APART_MS) continue;
        this.absent.add(id);
        if (this.seenAlive.has(id)) this.declared.add(id);
      }
    }
  }

  /** The observer's own connection is new: what it has not seen alive it cannot declare dead. */
  restart(): void {
    this.seenAlive.clear();
    this.goneSince.clear();
    this.declared = new Set();
    this.absent = new Set();
  }
}
