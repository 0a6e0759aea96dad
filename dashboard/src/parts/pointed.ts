import { useEffect, useState } from 'preact/hooks';

/** Times in milliseconds. */
export interface Pointed {
  /** The step that the pointer or the arrow keys are at. */
  readonly at?: number | undefined;
  /** The window that was dragged. */
  readonly window?: { readonly from: number; readonly to: number } | undefined;
}

const listeners = new Set<(pointed: Pointed) => void>();
let now: Pointed = {};

/** Says what is looked at, to all charts of the page at once. */
export function point(changes: Pointed): void {
  const next = { ...now, ...changes };
  if (next.at === now.at && next.window === now.window) return;
  now = next;
  for (const each of [...listeners]) each(now);
}

/** What is looked at in the charts of the page. It is forgotten with the last of them. */
export function usePointed(): Pointed {
  const [pointed, setPointed] = useState(now);
  useEffect(() => {
    listeners.add(setPointed);
    return () => {
      listeners.delete(setPointed);
      if (listeners.size === 0) now = {};
    };
  }, []);
  return pointed;
}
