import type { ComponentChildren } from 'preact';
import type { Reading } from '../api/use-read.ts';
import { ProblemBox } from './problem-box.tsx';

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
      <ProblemBox error={error} retry={reload} />
      {data !== undefined && data !== null && children(data)}
      {(data === undefined || data === null) && isLoading && (
        <p class="muted loading" role="status">
          Reading…
        </p>
      )}
    </>
  );
}
