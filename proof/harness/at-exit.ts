const ends = new Set<() => void>();

/**
 * Has `end` called when this process ends, however that comes about, except by SIGKILL. It cannot wait for
 * anything. Returns a function that takes this back.
 */
export function endAtExit(end: () => void): () => void {
  ends.add(end);
  return () => ends.delete(end);
}

/** Ends what is left. */
export function endAll(): void {
  for (const end of ends) end();
  ends.clear();
}

process.on('exit', endAll);
