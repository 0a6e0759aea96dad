import type { ChangeHistory } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { TargetLink } from '../parts/links.tsx';
import { counted } from '../parts/number.ts';
import { point, usePointed } from '../parts/pointed.ts';
import { CHARTS_AGAIN_MS } from '../parts/span.tsx';
import { Foreign } from '../parts/text.tsx';
import { absolute, Time } from '../parts/time.tsx';
import { to } from '../router/router.ts';

/** What was changed in the time that charts show. Nothing, for a person who may not read the audit. */
export function useChanges(from: string, consumer?: string): ChangeHistory | undefined {
  const isWanted = useDenial('audit.read') === undefined;
  return useRead(
    'GET changes',
    { query: { from, consumer, limit: 200 } },
    { isLive: false, everyMs: CHARTS_AGAIN_MS, isWanted },
  ).data;
}

/** The marks of the charts as a list, and where a window that was dragged leads to. */
export function TimeAxis({
  changes,
  consumer,
}: {
  changes: ChangeHistory | undefined;
  consumer?: string | undefined;
}) {
  const { window } = usePointed();
  const range = window && {
    from: new Date(window.from).toISOString(),
    to: new Date(window.to).toISOString(),
  };
  return (
    <>
      {window !== undefined && (
        <p class="small inline" role="status">
          From {absolute(new Date(window.from))} to {absolute(new Date(window.to))}:{' '}
          <a href={to(['events'], range)}>Events</a>{' '}
          <a href={to(['heat'], { ...range, consumer })}>Failures</a> <a href={to(['audit'], range)}>Audit</a>{' '}
          <button type="button" class="link" onClick={() => point({ window: undefined })}>
            Clear
          </button>
        </p>
      )}
      {changes !== undefined && changes.changes.length > 0 && (
        <details class="small changes">
          <summary>
            {counted(changes.changes.length, 'change')} in this time{changes.more && ', and earlier ones'}.
            Each has a mark in the charts.
          </summary>
          <ul>
            {changes.changes.map(({ at, says, target }) => (
              <li key={`${at}${says}`}>
                <Time at={at} /> <Foreign most={400}>{says}</Foreign>{' '}
                {target !== null && <TargetLink target={target} />}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
