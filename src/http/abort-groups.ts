/** What a signal ends. */
interface Abortable {
  abort(): void;
}

/**
 * One listener for each signal, however many requests wait for it. Node warns of a leak from the eleventh
 * listener on, and hundreds of requests share the signal of their lane.
 */
export class AbortGroups {
  private readonly groups = new Map<AbortSignal, { readonly members: Set<Abortable>; leave(): void }>();

  /**
   * Ends a member when the signal says so. The function that is returned must be called at the member's end.
   */
  join(signal: AbortSignal, member: Abortable): () => void {
    const group = this.groups.get(signal) ?? this.begin(signal);
    group.members.add(member);
    if (signal.aborted) member.abort();
    return () => {
      group.members.delete(member);
      if (group.members.size === 0) group.leave();
    };
  }

  private begin(signal: AbortSignal) {
    const members = new Set<Abortable>();
    const abort = () => {
      for (const member of [...members]) member.abort();
    };
    const leave = () => {
      signal.removeEventListener('abort', abort);
      this.groups.delete(signal);
    };
    const group = { members, leave };
    this.groups.set(signal, group);
    signal.addEventListener('abort', abort);
    return group;
  }
}
