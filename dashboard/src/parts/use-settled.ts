import { useEffect, useState } from 'preact/hooks';

/** A text of so many characters is gone through at once, at each key. */
const SHORT = 50_000;
const PAUSE_MS = 300;

/** What somebody types, as it was when typing last paused, if it is long. */
export function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  const isShort = text.length <= SHORT;
  useEffect(() => {
    if (isShort) return;
    const timer = setTimeout(() => setSettled(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, isShort]);
  return isShort ? text : settled;
}
