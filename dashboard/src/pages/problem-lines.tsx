import { useState } from 'preact/hooks';
import type { Trouble, TroubleList } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { consumerHref, groupHref, TargetLink } from '../parts/links.tsx';
import { count, counted } from '../parts/number.ts';
import { Mark, type Tone } from '../parts/status.tsx';
import { Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { to } from '../router/router.ts';
import { RemedyButton, remedyOf } from './remedy.tsx';

const TONES: Readonly<Record<Trouble['severity'], readonly [Tone, string]>> = {
  critical: ['bad', 'Problem'],
  warning: ['warn', 'Warning'],
  info: ['info', 'Note'],
};

/** The most that the server names at once. */
const MOST_LISTED = 100;

/** What is wrong, one line for each cause, the worst first. On the page of a consumer, `here` is its name. */
export function ProblemLines({
  list,
  here,
  onDone,
}: {
  list: TroubleList | undefined;
  here?: string;
  /** Called when somebody has mended one of them here. */
  onDone: () => void;
}) {
  const [isAll, setIsAll] = useState(false);
  const all = useRead(
    'GET problems',
    { query: { limit: MOST_LISTED, consumer: here } },
    { isWanted: isAll && list !== undefined },
  );
  if (list === undefined) return null;
  const { problems, more } = (isAll ? all.data : undefined) ?? list;
  return (
    <>
      <ul class="troubles">
        {problems.map((problem) => (
          <ProblemLine key={problem.key} problem={problem} here={here} onDone={onDone} />
        ))}
      </ul>
      {more > 0 && (
        <p class="body muted">
          And {count(more)} more.{' '}
          {isAll && all.data !== undefined ? (
            <>
              <a href={to(['dead-letters'], { order: 'size' })}>Dead letters</a>,{' '}
              <a href={to(['consumers'], { order: 'state' })}>consumers</a> and{' '}
              <a href={to(['doctor'])}>the doctor</a> lead to them.
            </>
          ) : (
            <button type="button" class="link" onClick={() => setIsAll(true)}>
              Show {more > MOST_LISTED - problems.length ? `the first ${count(MOST_LISTED)}` : 'them'}
            </button>
          )}
        </p>
      )}
    </>
  );
}

function ProblemLine({
  problem,
  here,
  onDone,
}: {
  problem: Trouble;
  here: string | undefined;
  onDone: () => void;
}) {
  const { severity, says, since, consumers, minutes, changedBefore } = problem;
  const [tone, word] = TONES[severity];
  const [only = ''] = consumers.first;
  const isOfOne = consumers.count === 1 && says.startsWith(only);
  return (
    <li>
      <Mark tone={tone}>{word}</Mark>
      <div>
        <p>
          {isOfOne ? (
            <>
              <NameLink href={consumerHref(only)}>{only}</NameLink>
              <Foreign most={600}>{says.slice(only.length)}</Foreign>
            </>
          ) : (
            <Foreign most={600}>{says}</Foreign>
          )}
          .{' '}
          {since !== null && (
            <span class="muted">
              Since <Time at={since} />
            </span>
          )}
        </p>
        {consumers.count > 1 && (
          <p class="small muted">
            <Foreign>{consumers.first.join(', ')}</Foreign>
            {consumers.count > consumers.first.length &&
              ` and ${counted(consumers.count - consumers.first.length, 'other')}`}
          </p>
        )}
        {changedBefore.length > 0 && (
          <ul class="small before" aria-label="What was changed in the ten minutes before">
            {changedBefore.map(({ at, says: done, target }) => (
              <li key={`${at} ${done}`}>
                <Time at={at} /> <Foreign most={300}>{done}</Foreign>{' '}
                {target?.startsWith('operation/') && <TargetLink target={target} />}
              </li>
            ))}
          </ul>
        )}
      </div>
      {minutes.length > 0 && <Sparkline minutes={minutes} />}
      <WayOut problem={problem} here={here} named={isOfOne ? only : undefined} onDone={onDone} />
    </li>
  );
}

/** A link to where it is looked at closer, and a button if one call mends it. `named`: the sentence links to it. */
function WayOut({
  problem,
  here,
  named,
  onDone,
}: {
  problem: Trouble;
  here: string | undefined;
  named: string | undefined;
  onDone: () => void;
}) {
  const { href, next } = wayOut(problem);
  const { action, says } = problem;
  const remedy = remedyOf(action);
  // The page of a consumer has its buttons at the top.
  const button = here === undefined && remedy?.kind === 'call' ? remedy : undefined;
  const linked = here ?? (button && named);
  return (
    <div class="way-out">
      {(linked === undefined || href !== consumerHref(linked)) && (
        <a href={href} aria-label={`${next}: ${says.slice(0, 120)}`}>
          {next}
        </a>
      )}
      {button !== undefined && <RemedyButton remedy={button} about={`${says}.`} onDone={onDone} />}
    </div>
  );
}

const HEIGHT = 18;

/** How many came in each minute of the last hour: a pixel for each. */
function Sparkline({ minutes }: { minutes: readonly number[] }) {
  const most = Math.max(1, ...minutes);
  const total = minutes.reduce((sum, each) => sum + each, 0);
  const path = minutes
    .map((each, n) => {
      const height = each === 0 ? 0 : Math.max(1, (each / most) * HEIGHT);
      return height === 0 ? '' : `M${n + 0.5} ${HEIGHT}v${-height}`;
    })
    .join('');
  return (
    <svg
      class="sparkline"
      width={minutes.length}
      height={HEIGHT}
      viewBox={`0 0 ${minutes.length} ${HEIGHT}`}
      role="img"
      aria-label={`${count(total)} in the last hour, at most ${count(most)} in a minute`}
    >
      <path d={`M0 ${HEIGHT - 0.5}h${minutes.length}`} class="sparkline-base" />
      <path d={path} />
    </svg>
  );
}

/** Where a problem is looked at closer, and what the link says. */
function wayOut({ kind, fingerprint, consumers }: Trouble): { href: string; next: string } {
  const [only = ''] = consumers.first;
  const isOne = consumers.count === 1;
  switch (kind) {
    case 'dead-letters':
      // One error may be thrown at several places of one consumer's code. Those are groups of their own.
      return {
        href:
          isOne && fingerprint !== null
            ? groupHref(only, fingerprint)
            : to(['dead-letters'], isOne ? { consumer: only, order: 'size' } : { order: 'size' }),
        next: 'See why',
      };
    case 'finding':
      return { href: to(['doctor']), next: 'See what to do' };
    case 'long-running':
      return { href: isOne ? consumerHref(only) : to(['processes']), next: 'See what runs' };
    case 'unowned':
      return { href: to(['processes']), next: 'See the processes' };
    case 'paused':
      return isOne
        ? { href: consumerHref(only), next: 'See the consumer' }
        : { href: to(['consumers'], { state: 'paused' }), next: 'Resume them' };
    case 'behind':
      return { href: isOne ? consumerHref(only) : to(['consumers']), next: 'See why' };
    default:
      return isOne
        ? { href: consumerHref(only), next: 'See the consumer' }
        : { href: to(['consumers']), next: 'See the consumers' };
  }
}
