import { UnderWay } from './under-way.js';

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
  private readonly groups = new WeakMap<AbortSignal, UnderWay<Abortable>>();

  /**
   * Ends a member when the signal says so. The function that is returned must be called at the member's end.
   */
  join(signal: AbortSignal, member: Abortable): () => void {
    const members = this.groups.get(signal) ?? this.begin(signal);
    const place = members.add(member);
    if (signal.aborted) member.abort();
    let isIn = true;
    return () => {
      if (isIn) members.remove(place);
      isIn = false;
    };
  }

  /**
   * What `work` comes to, unless the signal ends before: then it rejects with the signal's reason. The work
   * goes on, and what it comes to later is dropped.
   */
  async unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
    work.catch(() => {});
    signal.throwIfAborted();
    let leave = () => {};
    const ended = new Promise<never>((_, reject) => {
      leave = this.join(signal, { abort: () => reject(signal.reason) });
    });
    ended.catch(() => {});
    try {
      return await Promise.race([work, ended]);
    } finally {
      leave();
    }
  }

  private begin(signal: AbortSignal): UnderWay<Abortable> {
    const members = new UnderWay<Abortable>();
    this.groups.set(signal, members);
    signal.addEventListener(
      'abort',
      () => {
        for (const member of members.all()) member.abort();
      },
      { once: true },
    );
    return members;
  }
}
