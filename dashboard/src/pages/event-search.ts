import { useEffect, useState } from 'preact/hooks';
import { type Args, call } from '../api/client.ts';
import type { EventPage } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';

/** How many events are shown at once. */
const SHOWN = 50;

type Query = NonNullable<Args<'GET events'>['query']>;

/**
 * Reads events of the log. Where the first answer is not full and there is more to look at, the search goes
 * on by itself until the page is full, the log ends, or somebody stops it. What is found then does not move.
 */
export function useEventSearch(query: Query) {
  const [pages, setPages] = useState<readonly EventPage[]>([]);
  const [isStopped, setStopped] = useState(false);
  const [error, setError] = useState<unknown>();
  const isLong = isSparse(pages[0]);
  const first = useRead('GET events', { query }, { isLive: query.after === undefined && !isLong });
  useEffect(() => {
    const { data } = first;
    if (data !== undefined) setPages((before) => (isSparse(before[0]) ? before : [data]));
  }, [first.data]);

  const items = pages.flatMap((page) => page.items);
  const last = pages.at(-1);
  const isOpen = last !== undefined && last.next !== null && items.length < SHOWN;
  const isSearching = isOpen && isLong && !isStopped && error === undefined;
  useEffect(() => {
    if (!isSearching || last.next === null) return;
    const stop = new AbortController();
    const { signal } = stop;
    call('GET events', { query: { ...query, after: last.next, limit: SHOWN - items.length }, signal }).then(
      (page) => {
        if (!signal.aborted) setPages((before) => [...before, page]);
      },
      (failure: unknown) => {
        if (!signal.aborted) setError(failure);
      },
    );
    return () => stop.abort();
  }, [last, isSearching]);

  const goOn = () => {
    setError(undefined);
    setStopped(false);
  };
  return {
    reading: {
      ...first,
      data: last && { items, next: last.next },
      error: error ?? first.error,
      reload: error === undefined ? first.reload : goOn,
    },
    progress: last?.progress,
    isSearching,
    /** Stopped before the page was full. */
    isStopped: isOpen && !isSearching,
    stop: () => setStopped(true),
    goOn,
  };
}

function isSparse(page: EventPage | undefined): boolean {
  return page !== undefined && page.next !== null && page.items.length < SHOWN;
}
