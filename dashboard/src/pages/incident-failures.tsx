import type { FailureGroup, HeatMap } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { ConsumerLink, groupHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count, counted, estimated } from '../parts/number.ts';
import { Panel } from '../parts/page.tsx';
import { CHARTS_AGAIN_MS } from '../parts/span.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';

const MOST_CONSUMERS = 100;
/** The latest kinds are read, up to this number. */
const MOST_KINDS = 500;
/** The largest causes are shown, up to this number. */
const MOST_CAUSES = 30;
/** A fingerprint begins with what says the error. The rest of it says where it was thrown. */
const CAUSE_LENGTH = 16;

/** What failed in a window of time: at which consumers, as the heat map has it, and by which causes. */
export function Failed({ from, to }: { from: string; to: string | undefined }) {
  const again = { isLive: false, everyMs: CHARTS_AGAIN_MS };
  const mayReadConsumers = useDenial('consumers.read') === undefined;
  const mayReadKinds = useDenial('dead-letters.read') === undefined;
  const map = useRead(
    'GET heat',
    { query: { from, to, limit: MOST_CONSUMERS } },
    { ...again, isWanted: mayReadConsumers },
  );
  const kinds = useRead(
    'GET dead-letters/groups',
    { query: { order: 'latest', limit: MOST_KINDS } },
    { ...again, isWanted: mayReadKinds },
  );
  return (
    <>
      {mayReadConsumers && (
        <Panel title="Where attempts failed" about="In this time, at the consumers with most failures first.">
          <Loaded from={map}>{(loaded) => <Consumers map={loaded} />}</Loaded>
        </Panel>
      )}
      {mayReadKinds && (
        <Panel
          title="Why events were given up"
          about="Causes of dead letters that began before the end of this time, and of which the latest came in it or after it. What was sent again since is not among them."
        >
          <Loaded from={kinds}>
            {({ items, next }) => (
              <Causes
                causes={causesWithin(items, from, to)}
                isCutOff={next !== null && isSince(items.at(-1), from)}
              />
            )}
          </Loaded>
        </Panel>
      )}
    </>
  );
}

type FailingRow = HeatMap['failing'][number];

function Consumers({ map: { failing, others, steps, step } }: { map: HeatMap }) {
  if (failing.length === 0) return <p class="body muted">No attempt failed in this time.</p>;
  const timeOf = (index: number) => steps[index]?.at ?? steps[0]?.at ?? '';
  const isFailure = (value: number | null) => value !== null && value > 0;
  const columns: readonly Column<FailingRow>[] = [
    {
      head: 'Consumer',
      isName: true,
      isLong: true,
      cell: ({ consumerName }) => <ConsumerLink name={consumerName} />,
    },
    { head: 'Failed attempts', align: 'end', cell: ({ failed }) => count(failed) },
    { head: 'First', cell: (row) => <Time at={timeOf(row.steps.findIndex(isFailure))} /> },
    { head: 'Last', cell: (row) => <Time at={timeOf(row.steps.findLastIndex(isFailure))} /> },
  ];
  return (
    <>
      <Table
        caption="Failed attempts"
        columns={columns}
        rows={failing}
        keyOf={({ consumerName }) => consumerName}
      />
      <p class="body muted small">
        First and last are the beginnings of steps of {counted(step / 60, 'minute')}.
        {others.consumers > 0 &&
          ` ${counted(others.consumers, 'other consumer')} had ${count(others.failed)} failed attempts.`}
      </p>
    </>
  );
}

interface Cause {
  readonly fingerprint: string | null;
  readonly error: string;
  readonly consumers: readonly string[];
  readonly deadLetters: FailureGroup['deadLetters'];
  readonly first: string;
  readonly last: string;
}

const CAUSES: readonly Column<Cause>[] = [
  {
    head: 'Cause',
    isName: true,
    isLong: true,
    cell: ({ error, consumers, fingerprint }) => (
      <NameLink href={groupHref(consumers[0] ?? '', fingerprint)}>{error.slice(0, 240)}</NameLink>
    ),
  },
  {
    head: 'Consumers',
    isLong: true,
    cell: ({ consumers }) =>
      consumers.length > 1 ? counted(consumers.length, 'consumer') : <Foreign>{consumers[0] ?? ''}</Foreign>,
  },
  { head: 'Dead letters', align: 'end', cell: ({ deadLetters }) => estimated(deadLetters) },
  { head: 'Since', cell: ({ first }) => <Time at={first} /> },
  { head: 'Latest', cell: ({ last }) => <Time at={last} /> },
];

function Causes({ causes, isCutOff }: { causes: readonly Cause[]; isCutOff: boolean }) {
  if (causes.length === 0) return <p class="body muted">None that is still a dead letter.</p>;
  const more = causes.length - MOST_CAUSES;
  return (
    <>
      <Table
        caption="Causes"
        columns={CAUSES}
        rows={causes.slice(0, MOST_CAUSES)}
        keyOf={({ fingerprint, consumers }) => `${fingerprint} ${consumers[0]}`}
      />
      {(more > 0 || isCutOff) && (
        <p class="body muted">
          {more > 0 && `${counted(more, 'more cause')} with fewer dead letters. `}
          {isCutOff && `Only the ${MOST_KINDS} latest kinds were looked at.`}
        </p>
      )}
    </>
  );
}

function isSince(group: FailureGroup | undefined, from: string): boolean {
  return group !== undefined && Date.parse(group.latest.failedAt) >= Date.parse(from);
}

/** The kinds of one error are one cause, wherever it was thrown, as on the overview. The largest come first. */
function causesWithin(groups: readonly FailureGroup[], from: string, to: string | undefined): Cause[] {
  const causes = new Map<string, Cause>();
  for (const group of groups) {
    if (!isSince(group, from)) continue;
    const { consumerName, fingerprint, deadLetters, firstFailedAt, latest } = group;
    const key = fingerprint?.slice(0, CAUSE_LENGTH) ?? `without, at ${consumerName}`;
    const known = causes.get(key);
    causes.set(key, {
      fingerprint,
      error: known?.error ?? latest.error ?? 'No error is known',
      consumers: [...new Set([...(known?.consumers ?? []), consumerName])],
      deadLetters: known === undefined ? deadLetters : sumOf(known.deadLetters, deadLetters),
      first:
        known === undefined || Date.parse(firstFailedAt) < Date.parse(known.first)
          ? firstFailedAt
          : known.first,
      last: known?.last ?? latest.failedAt,
    });
  }
  const end = to === undefined ? Number.POSITIVE_INFINITY : Date.parse(to);
  return [...causes.values()]
    .filter(({ first }) => Date.parse(first) < end)
    .sort((a, b) => b.deadLetters.estimate - a.deadLetters.estimate);
}

function sumOf(a: FailureGroup['deadLetters'], b: FailureGroup['deadLetters']): FailureGroup['deadLetters'] {
  return {
    count: a.count + b.count,
    atLeast: a.atLeast || b.atLeast,
    estimate: a.estimate + b.estimate,
  };
}
