import type { ConsumerView } from '../changes/consumer.service.js';
import type { FindingAction, FindingSeverity } from '../maintenance/finding.js';
import type { CurrentRates } from '../rates/consumer-rates.js';
import { BEHIND_SECONDS, behindText, catchUpOf } from '../status/catch-up.js';
import { pendingIn } from '../status/cursor-status.store.js';
import { countedText, wholeText } from '../words/number-text.js';
import { otherProblem } from './other-problem.js';
import type { Problem, ProblemKind } from './problem.js';
import { subject } from './texts.js';

const LONGEST_REASON = 300;

/** One trouble of one consumer, before those with one cause are put together. */
interface Trouble {
  readonly kind: ProblemKind;
  readonly severity: FindingSeverity;
  /** What troubles of one cause have in common. */
  readonly cause: string;
  readonly consumerName: string;
  readonly since: Date | null;
  /** The sentence for all that have the cause, in the order of their names. */
  readonly says: (names: readonly string[], all: readonly Trouble[]) => string;
  /** What mends it, if one call does. */
  readonly action?: FindingAction;
  /** How far it is behind. */
  readonly lag?: {
    readonly seconds: number;
    readonly positions: number;
    readonly toRead?: string;
    readonly caughtUpInSeconds?: number | null;
  };
}

/** What is wrong with consumers, one problem for each cause. `rates` are those of the last minute. */
export function problemsOfConsumers(views: readonly ConsumerView[], rates?: CurrentRates): Problem[] {
  const byName = new Map<string, ConsumerView[]>();
  for (const view of views) {
    const partitions = byName.get(view.consumerName);
    if (partitions === undefined) byName.set(view.consumerName, [view]);
    else partitions.push(view);
  }
  const byCause = new Map<string, Trouble[]>();
  for (const trouble of [...byName.values()].flatMap((each) => troublesOf(each, rates))) {
    const key = `${trouble.kind}/${trouble.cause}`;
    const alike = byCause.get(key);
    if (alike === undefined) byCause.set(key, [trouble]);
    else alike.push(trouble);
  }
  return [...byCause].flatMap(([key, alike]) => problemOf(key, alike));
}

function problemOf(key: string, alike: readonly Trouble[]): Problem[] {
  const [one] = alike;
  if (one === undefined) return [];
  const names = [...new Set(alike.map(({ consumerName }) => consumerName))].sort();
  return [
    otherProblem({
      key,
      kind: one.kind,
      severity: one.severity,
      says: one.says(names, alike),
      check: null,
      action: names.length === 1 ? (one.action ?? null) : null,
      consumers: names,
      times: alike.map(({ since }) => since),
    }),
  ];
}

/** The troubles of one consumer, from its partitions. */
function troublesOf(partitions: readonly ConsumerView[], rates: CurrentRates | undefined): Trouble[] {
  const [first] = partitions;
  if (first === undefined) return [];
  return [
    ...partitions.flatMap((partition) => unavailableOf(partition, partitions.length)),
    ...unservedOf(partitions),
    ...pausedOrBehind(partitions, rates),
    ...repartitioningOf(first),
  ];
}

function unavailableOf(
  { consumerName, partition, unavailable }: ConsumerView,
  partitions: number,
): Trouble[] {
  if (unavailable === null) return [];
  const reason = unavailable.reason.slice(0, LONGEST_REASON);
  const which = partitions > 1 ? ` in partition ${partition}` : '';
  return [
    {
      kind: 'unavailable',
      severity: 'critical',
      cause: unavailable.reason,
      consumerName,
      since: unavailable.since,
      says: (names, all) =>
        `${subject(names, `cannot work${all.length === 1 ? which : ''}`, 'cannot work')}: ${reason}`,
    },
  ];
}

function unservedOf(partitions: readonly ConsumerView[]): Trouble[] {
  const { consumerName = '', paused } = partitions[0] ?? {};
  const given = { cause: '', consumerName };
  if (partitions.every(({ orphaned }) => orphaned))
    return [
      {
        ...given,
        kind: 'orphaned',
        severity: 'warning',
        since: partitions[0]?.servedAt ?? null,
        says: (names) =>
          subject(
            names,
            'has no process with its handlers any more',
            'have no process with their handlers any more',
          ),
      },
    ];
  const since = partitions.find(({ unservedSince }) => unservedSince !== null)?.unservedSince;
  if (since != null)
    return [
      {
        ...given,
        kind: 'unserved',
        severity: 'critical',
        since,
        says: (names) =>
          subject(
            names,
            'has no process that may work on it: the code lacks a handler for one of its event names',
            'have no process that may work on them: the code lacks handlers for some of their event names',
          ),
      },
    ];
  const ownerless = partitions.filter(({ owner }) => owner === null).length;
  if (ownerless === 0 || paused === true) return [];
  const which = countedText(ownerless, 'partition');
  return [
    {
      ...given,
      kind: 'unowned',
      severity: 'warning',
      since: null,
      says: (names) =>
        subject(names, `has ${which} that no process works on`, 'have partitions that no process works on'),
    },
  ];
}

function pausedOrBehind(partitions: readonly ConsumerView[], rates: CurrentRates | undefined): Trouble[] {
  const [first] = partitions;
  if (first === undefined) return [];
  const { consumerName, paused, pausedBy, pauseReason, pausedSince } = first;
  if (paused) {
    const by = pausedBy === null ? '' : ` by ${pausedBy}`;
    const because = pauseReason === null ? '' : `: ${pauseReason.slice(0, LONGEST_REASON)}`;
    return [
      {
        kind: 'paused',
        severity: 'warning',
        cause: JSON.stringify([pausedBy, pauseReason]),
        consumerName,
        since: pausedSince,
        says: (names) => subject(names, `was paused${by}${because}`, `were paused${by}${because}`),
        action: { service: 'ConsumerService', method: 'resume', arguments: [consumerName] },
      },
    ];
  }
  const seconds = Math.max(0, ...partitions.map(({ lagSeconds }) => lagSeconds ?? 0));
  if (seconds <= BEHIND_SECONDS) return [];
  const positions = partitions.reduce((sum, { pendingPositions }) => sum + pendingPositions, 0);
  const asksForSome = partitions.some(
    ({ lagSeconds, lagIsAtMost }) => !lagIsAtMost && (lagSeconds ?? 0) > BEHIND_SECONDS,
  );
  if (!asksForSome)
    return [
      {
        kind: 'behind',
        severity: 'info',
        cause: 'asks for none',
        consumerName,
        since: null,
        lag: { seconds, positions },
        says: passingText,
      },
    ];
  return [
    {
      kind: 'behind',
      severity: 'warning',
      cause: '',
      consumerName,
      since: new Date(Date.now() - seconds * 1_000),
      lag: {
        seconds,
        positions,
        toRead: toReadOf(partitions),
        caughtUpInSeconds: catchUpOf(partitions, rates),
      },
      says: furthestText,
    },
  ];
}

/** The one that is furthest behind stands for the others. */
function furthestText(names: readonly string[], all: readonly Trouble[]): string {
  const [furthest] = [...all].sort((a, b) => (b.lag?.seconds ?? 0) - (a.lag?.seconds ?? 0));
  const { seconds = 0, toRead, caughtUpInSeconds = null } = furthest?.lag ?? {};
  const far = behindText({ seconds, caughtUpInSeconds }, toRead);
  if (names.length === 1) return `${names[0]} is ${far}`;
  return `${wholeText(names.length)} consumers are behind, ${furthest?.consumerName} the furthest: ${far}`;
}

function toReadOf(partitions: readonly ConsumerView[]): string {
  const { events, isCounted } = pendingIn(partitions);
  return `${isCounted ? '' : 'up to '}${wholeText(events)} ${events === 1 ? 'event' : 'events'}`;
}

/** Nothing that was looked at is late, so nobody is called behind. Of several, the most is said. */
function passingText(names: readonly string[], all: readonly Trouble[]): string {
  const most = wholeText(Math.max(0, ...all.map(({ lag }) => lag?.positions ?? 0)));
  return subject(
    names,
    `has ${most} positions of the log to pass, and asks for none of those that were looked at`,
    `have up to ${most} positions of the log to pass, and ask for none of those that were looked at`,
  );
}

function repartitioningOf({ consumerName, repartitioningTo }: ConsumerView): Trouble[] {
  if (repartitioningTo === null) return [];
  const to = countedText(repartitioningTo, 'partition');
  return [
    {
      kind: 'repartitioning',
      severity: 'info',
      cause: String(repartitioningTo),
      consumerName,
      since: null,
      says: (names) => subject(names, `is changing to ${to}`, `are changing to ${to}`),
    },
  ];
}
