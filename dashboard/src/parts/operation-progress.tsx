import type { Operation } from '../api/schemas.ts';
import { LeftOut } from './left-out.tsx';
import { count, counted } from './number.ts';
import { Foreign } from './text.tsx';

/** How many events an operation is about, as far as its plan knows. */
export function plannedOf({ plannedEvents, maxEvents }: Operation): number {
  return maxEvents === null ? plannedEvents : Math.min(maxEvents, plannedEvents);
}

export function progressOf(operation: Operation): string {
  const { changed, plannedAtLeast } = operation;
  return `${count(changed)} of ${count(plannedOf(operation))}${plannedAtLeast ? ' or more' : ''}`;
}

/** How far an operation is, as a bar and in a sentence. */
export function OperationProgress({ operation }: { operation: Operation }) {
  return (
    <>
      <progress max={100} value={shareOf(operation)} aria-label="How far it is" />
      <p role="status">
        {operation.kind === 'replay' ? replayed(operation) : changedSoFar(operation)}
        <LeftOut operation={operation} />
      </p>
      {operation.error !== null && (
        <p class="bad-text">
          <Foreign>{operation.error}</Foreign>
        </p>
      )}
    </>
  );
}

/**
 * In per cent. A replay whose plan could not count everything goes by how much of the log it has looked at.
 */
function shareOf(operation: Operation): number {
  const { kind, state, changed, plannedAtLeast, fromPosition, nextPosition, toPosition } = operation;
  const all = plannedOf(operation);
  const isByPlace = plannedAtLeast && fromPosition !== null && nextPosition !== null && toPosition !== null;
  if (kind === 'replay' && state === 'done') return 100;
  const share = isByPlace
    ? (nextPosition - fromPosition) / Math.max(1, toPosition - fromPosition + 1)
    : all === 0
      ? 0
      : changed / all;
  return Math.max(0, Math.min(100, Math.round(100 * share)));
}

function changedSoFar(operation: Operation): string {
  const { kind, rate } = operation;
  const did = kind === 'discard' ? 'were discarded' : 'were sent again';
  return `${progressOf(operation)} events ${did}${rate === null ? '' : `, at most ${count(rate)} a second`}.`;
}

function replayed(operation: Operation): string {
  const { state, changed, plannedAtLeast, rate, nextPosition, toPosition } = operation;
  const were = `${counted(changed, 'event')} ${changed === 1 ? 'was' : 'were'} sent again`;
  const place =
    nextPosition === null || toPosition === null
      ? ''
      : `, up to position ${count(Math.min(nextPosition - 1, toPosition))} of ${count(toPosition)}`;
  switch (state) {
    case 'planned':
      return `${plannedAtLeast ? 'At least ' : ''}${counted(plannedOf(operation), 'event')} would be sent again. Nothing is sent before it is run.`;
    case 'running':
    case 'paused':
      return `${progressOf(operation)} events were sent again${place}${rate === null ? '' : `, at most ${count(rate)} a second`}.`;
    case 'done':
      return `All is sent: ${were}${place}.`;
    case 'cancelled':
      return nextPosition === null
        ? 'It was cancelled before it was run. Nothing was sent.'
        : `It was cancelled: ${were}${place}. What was sent is delivered.`;
    case 'failed':
      return `It has stopped: ${were}${place}. What was sent is delivered.`;
  }
}
