import { useLayoutEffect, useState } from 'preact/hooks';

/** Where the person is: the part of the URL behind its #. The filters of lists stand in it. */
export interface Place {
  /** The parts between slashes, decoded. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

function placeNow(): Place {
  const [path = '', query = ''] = location.hash.slice(1).split('?', 2);
  return { path: path.split('/').filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

export function usePlace(): Place {
  const [place, setPlace] = useState(placeNow);
  // Another effect would run some time after the page was drawn, and a change in between would be missed.
  useLayoutEffect(() => {
    const changed = () => setPlace(placeNow());
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return place;
}

/** The link to a place: `to(['consumers', name], { state: 'failed' })`. */
export function to(path: readonly (string | number)[], query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#/${path.map((part) => encodeURIComponent(part)).join('/')}${text === '' ? '' : `?${text}`}`;
}

export function go(href: string): void {
  location.hash = href;
}

/** Changes the filter of the list that is shown. The page of the list starts again. */
export function filterBy(place: Place, changes: Query): void {
  const now: Record<string, string> = Object.fromEntries(place.query);
  delete now.after;
  go(to(place.path, { ...now, ...changes }));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
