import type { ComponentChildren } from 'preact';
import { ApiProblem } from '../api/problem.ts';
import type { Reading } from '../api/use-read.ts';
import { Page } from './page.tsx';
import { ProblemBox } from './problem-box.tsx';

/** Said where code of this page cannot be fetched: the server is away, or it has another version by now. */
export const CODE_MISSING =
  'This part of the page cannot be loaded. A new version may have been deployed: reload the page.';

/** Shows what was read. Until then it says that it is being read; a problem stands above what was there. */
export function Loaded<T>({
  from,
  children,
}: {
  from: Reading<T>;
  children: (data: NonNullable<T>) => ComponentChildren;
}) {
  const { data, error, isLoading, reload } = from;
  return (
    <>
      {!isSaidAbove(error) && <ProblemBox error={error} retry={reload} />}
      {data !== undefined && data !== null && children(data)}
      {(data === undefined || data === null) && isLoading && (
        <p class="muted loading" role="status">
          Loading…
        </p>
      )}
    </>
  );
}

/** That a session has ended stands above every page. */
function isSaidAbove(error: unknown): boolean {
  return error instanceof ApiProblem && error.problem.status === 401;
}

/** Like `Loaded`, for what makes a whole page. Until it is read, the page has a title and a way back. */
export function LoadedPage<T>({
  from,
  title,
  above,
  children,
}: {
  from: Reading<T>;
  title: string;
  above: ComponentChildren;
  children: (data: NonNullable<T>) => ComponentChildren;
}) {
  if (from.data !== undefined) return <Loaded from={from}>{children}</Loaded>;
  return (
    <Page title={title} above={above}>
      <Loaded from={from}>{children}</Loaded>
    </Page>
  );
}
