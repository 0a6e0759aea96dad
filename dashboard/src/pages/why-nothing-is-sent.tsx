import { useDenial } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { ConsumerLink } from '../parts/links.tsx';

const LOOK_MS = 3_000;

/** Says of a replay that waits what it waits for: its consumer is paused, or no process works on it. */
export function WhyNothingIsSent({ name }: { name: string }) {
  const isAllowed = useDenial('consumers.read') === undefined;
  const { data } = useRead(
    'GET consumers/{name}',
    { path: { name } },
    { isLive: false, everyMs: LOOK_MS, isWanted: isAllowed },
  );
  if (data === undefined) return null;
  const isOwned = data.partitions.some(({ owner }) => owner !== null);
  if (!data.paused && isOwned) return null;
  return (
    <p class="box warn">
      {data.paused
        ? 'Nothing is sent while the consumer is paused. It goes on when somebody resumes it: '
        : 'Nothing is sent while no process works on the consumer. It goes on when one does: '}
      <ConsumerLink name={name} />
    </p>
  );
}
