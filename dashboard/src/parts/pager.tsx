import { type Place, to } from '../router/router.ts';

/** Leads to the next page of a list. The cursor stands in the URL, so Back leads to the page before. */
export function Pager({
  place,
  next,
  shown,
}: {
  place: Place;
  next: string | null | undefined;
  shown: number;
}) {
  const query = Object.fromEntries(place.query);
  const isFirst = query.after === undefined;
  if (isFirst && (next === null || next === undefined)) return null;
  const { after: _, ...first } = query;
  return (
    <nav class="pager" aria-label="Pages of the list">
      {!isFirst && <a href={to(place.path, first)}>First page</a>}
      <span class="muted">{shown} on this page</span>
      {next !== null && next !== undefined && (
        <a href={to(place.path, { ...query, after: next })}>Next page</a>
      )}
    </nav>
  );
}
