/** How long a look is good for, in milliseconds. */
export const LOOK_MS = 2_000;

/**
 * Looks that are shared: everybody who asks for the same within two seconds gets the same look, so that the
 * number of people who watch costs the database nothing.
 */
export class SharedLooks<T> {
  private readonly taken = new Map<string, { readonly at: number; readonly look: Promise<T> }>();

  /**
   * @param key what is looked at
   * @param take takes a look, if there is none that is younger than `maxAgeMs` milliseconds
   */
  latest(key: string, take: () => Promise<T>, maxAgeMs = LOOK_MS): Promise<T> {
    const now = performance.now();
    for (const [each, { at }] of this.taken) if (now - at >= LOOK_MS) this.taken.delete(each);
    const shared = this.taken.get(key);
    if (shared !== undefined && now - shared.at < maxAgeMs) return shared.look;
    const taken = { at: now, look: take() };
    this.taken.set(key, taken);
    // A look that failed is not shared with later callers.
    taken.look.catch(() => {
      if (this.taken.get(key) === taken) this.taken.delete(key);
    });
    return taken.look;
  }

  /** Something was changed, and who changed it looks at what has become of it. */
  forget(): void {
    this.taken.clear();
  }
}
