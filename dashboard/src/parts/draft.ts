import { useState } from 'preact/hooks';
import { useSession } from '../api/session.tsx';

export interface Draft<T> {
  readonly value: T;
  /** Whether it was typed before, and the dialog or the page was left. */
  readonly isKept: boolean;
  readonly change: (value: T) => void;
  /** It was sent, or nobody wants it any more. */
  readonly drop: () => void;
}

/**
 * What somebody types, under a name. It outlives its dialog, its page, and a reload, until the tab is closed.
 * Nobody else who signs in at this tab sees it. Without a name it is not kept.
 */
export function useDraft<T>(name: string | undefined, initial: T): Draft<T> {
  const { actor } = useSession();
  const key = name === undefined ? undefined : `nestjs-integration.draft ${actor} ${name}`;
  const [kept] = useState(() => (key === undefined ? null : sessionStorage.getItem(key)));
  const [value, setValue] = useState<T>(() => (kept === null ? initial : (JSON.parse(kept) as T)));
  const drop = () => {
    setValue(initial);
    if (key !== undefined) sessionStorage.removeItem(key);
  };
  const change = (next: T) => {
    setValue(next);
    if (key === undefined) return;
    // What is no number is left out: JSON would make a null of it, which means something else.
    const text = JSON.stringify(next, (_, each: unknown) => (Number.isNaN(each) ? undefined : each));
    try {
      if (text === JSON.stringify(initial)) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, text);
    } catch {
      // The browser has no room for it. It stays as long as its dialog is open.
    }
  };
  return { value, isKept: kept !== null, change, drop };
}
