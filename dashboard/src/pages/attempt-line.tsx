import type { ConsumerDelivery, EventHistory, EventWithStatus } from '../api/schemas.ts';
import { duration } from '../parts/number.ts';

const WIDTH = 1_000;
const HEIGHT = 34;
const SHORTEST = 4;

/**
 * The attempts on a line from publishing until the last thing that happened. The list below it says the same
 * in words, so the drawing is left out for screen readers.
 */
export function AttemptLine({
  event,
  delivery,
  attempts,
  resolution,
}: {
  event: EventWithStatus;
  delivery: ConsumerDelivery;
  attempts: EventHistory['attempts'];
  resolution: EventHistory['resolution'];
}) {
  const start = new Date(event.timestamp).getTime();
  const ends = attempts.map(({ at, ms }) => new Date(at).getTime() + (ms ?? 0));
  const next =
    delivery.status === 'failed' && delivery.availableAt !== null
      ? new Date(delivery.availableAt).getTime()
      : undefined;
  const decided = resolution === null ? undefined : new Date(resolution.at).getTime();
  const end = Math.max(start + 1, ...ends, next ?? 0, decided ?? 0);
  const x = (time: number) => ((time - start) / (end - start)) * (WIDTH - 12) + 6;
  return (
    <div class="line-holder">
      <svg
        class="attempt-line"
        aria-hidden="true"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
      >
        <path class="track" d={`M6 17H${WIDTH - 6}`} />
        <path class="published" d="M6 6V28" />
        {attempts.map(({ attempt, at, ms }) => {
          const left = x(new Date(at).getTime());
          const width = Math.max(SHORTEST, x(new Date(at).getTime() + (ms ?? 0)) - left);
          return (
            <rect class="attempt-bar" key={`${attempt} ${at}`} x={left} y="9" width={width} height="16">
              <title>{`Attempt ${attempt}`}</title>
            </rect>
          );
        })}
        {next !== undefined && <path class="next" d={`M${x(next)} 6V28`} />}
        {decided !== undefined && <path class="decided" d={`M${x(decided)} 4V30`} />}
      </svg>
      <p class="small muted line-ends" aria-hidden="true">
        <span>published</span>
        <span>
          {next === undefined ? '' : 'next attempt, '}
          {duration((end - start) / 1_000)} later
        </span>
      </p>
    </div>
  );
}
