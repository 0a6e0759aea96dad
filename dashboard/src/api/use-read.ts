import { useEffect, useRef, useState } from 'preact/hooks';
import { live, useBeat } from '../live/live.ts';
import { type Answer, type Args, callForText, type RouteName } from './client.ts';

export interface Reading<T> {
  /** What was read last. It stays while it is read again. */
  readonly data: T | undefined;
  readonly text: string;
  readonly etag: string | undefined;
  readonly error: unknown;
  readonly isLoading: boolean;
  reload(): void;
}

export interface ReadOptions {
  /** Whether to read again while somebody watches. */
  readonly isLive?: boolean;
  /** Milliseconds until it is read again, besides. */
  readonly everyMs?: number | undefined;
  /** The person has asked for it and waits. So it is read again also while nothing else is. */
  readonly isAwaited?: boolean;
  /** Reads nothing where it is false. */
  readonly isWanted?: boolean;
}

/** Reads a route, and reads it again when its arguments change, and while it is live. */
export function useRead<N extends RouteName>(
  name: N,
  args: Omit<Args<N>, 'signal'>,
  { isLive = true, everyMs, isAwaited = false, isWanted = true }: ReadOptions = {},
): Reading<Answer<N>> {
  type State = { about: string; data?: Answer<N>; text: string; etag?: string | undefined; error?: unknown };
  const about = JSON.stringify([name, args.path ?? null]);
  const key = JSON.stringify([about, args.query ?? null]);
  const [state, setState] = useState<State>({ about, text: '' });
  const [loadingKey, setLoadingKey] = useState<string | undefined>(key);
  const [turn, setTurn] = useState(0);
  const beat = useBeat(isLive);
  const given = useRef(args);
  given.current = args;

  const flight = useRef<{ key: string; stop: AbortController } | undefined>(undefined);

  // The key stands for the arguments; beat and turn ask again.
  useEffect(() => {
    // A slow answer is waited for: asking again would only make it slower.
    if (!isWanted || flight.current?.key === key) return;
    flight.current?.stop.abort();
    const stop = new AbortController();
    flight.current = { key, stop };
    setLoadingKey(key);
    callForText(name, { ...given.current, signal: stop.signal } as unknown as Args<N>)
      .then(({ json, text, etag }) => {
        if (!stop.signal.aborted) setState({ about, data: json as Answer<N>, text, etag });
      })
      .catch((error: unknown) => {
        // What was shown stays, with the problem above it.
        if (!stop.signal.aborted)
          setState((before) => (before.about === about ? { ...before, error } : { about, text: '', error }));
      })
      .finally(() => {
        if (stop.signal.aborted) return;
        flight.current = undefined;
        setLoadingKey(undefined);
      });
  }, [key, beat, turn, isWanted]);
  useEffect(() => () => flight.current?.stop.abort(), []);

  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (!document.hidden && (isAwaited || live.now().pause === undefined)) setTurn((n) => n + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, isAwaited]);

  const isCurrent = state.about === about;
  return {
    data: isCurrent ? state.data : undefined,
    text: isCurrent ? state.text : '',
    etag: isCurrent ? state.etag : undefined,
    error: isCurrent ? state.error : undefined,
    isLoading: isWanted && loadingKey !== undefined,
    reload: () => setTurn((n) => n + 1),
  };
}
