/** What a signal ends. */
interface Abortable {
  abort(): void;
}

/**
 * One listener for each signal, however many requests wait for it. Node warns of a leak from the eleventh
 * listener on, and hundreds of requests share the signal of their lane. The listener stays as long as the
 * signal: to add and remove one takes longer than to write a request.
 */
export class AbortGroups {
  private readonly groups = new WeakMap<AbortSignal, Set<Abortable>>();

  /**
   * Ends a member when the signal says so. The function that is returned must be called at the member's end.
   */
  join(signal: AbortSignal, member: Abortable): () => void {
    const members = this.groups.get(signal) ?? this.begin(signal);
    members.add(member);
    if (signal.aborted) member.abort();
    return () => {
      members.delete(member);
    };
  }

  private begin(signal: AbortSignal): Set<Abortable> {
    const members = new Set<Abortable>();
    this.groups.set(signal, members);
    signal.addEventListener(
      'abort',
      () => {
        for (const member of [...members]) member.abort();
      },
      { once: true },
    );
    return members;
  }
}
