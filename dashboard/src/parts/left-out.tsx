import type { Operation } from '../api/schemas.ts';
import { eventHref } from './links.tsx';
import { count, counted } from './number.ts';

const MOST_LINKS = 5;
const NOT_TAKEN = 'handled, under way, or not tried yet';
const UNKNOWN = 'not known';

/** How many of the events that were chosen one by one the plan left out, and why. */
export function LeftOut({ operation: { leftOut } }: { operation: Pick<Operation, 'leftOut'> }) {
  if (leftOut === null || leftOut.unknown + leftOut.notTaken === 0) return null;
  const { unknown, notTaken, events } = leftOut;
  const all = unknown + notTaken;
  const shown = events.slice(0, MOST_LINKS);
  return (
    <span>
      {' '}
      {counted(all, 'chosen event')} {all === 1 ? 'was' : 'were'} left out:{' '}
      {unknown === 0
        ? NOT_TAKEN
        : notTaken === 0
          ? UNKNOWN
          : `${count(notTaken)} ${NOT_TAKEN}; ${count(unknown)} ${UNKNOWN}`}
      .{' '}
      {shown.map((id, index) => (
        <a key={id} href={eventHref(id)} class="code">
          {id.slice(0, 13)}…{index < shown.length - 1 ? ' ' : ''}
        </a>
      ))}
      {shown.length < all && ` and ${counted(all - shown.length, 'other')}`}
    </span>
  );
}
