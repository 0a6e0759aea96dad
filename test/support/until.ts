const LOOK_MS = 20;
const GIVE_UP_MS = 45_000;

/** Looks again and again at something that no signal tells of (another process's, the database's), until it is there. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() - startedAt > GIVE_UP_MS) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
