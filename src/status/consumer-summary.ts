import type { CurrentRates } from '../rates/consumer-rates.js';
import { COUNTED_TO } from '../rates/counted.js';
import type { CursorStatus } from './cursor-status.store.js';

/**
 * What a person has to know first of a consumer. If several hold, it is the first of this list.
 *
 * - `unavailable`: its handlers cannot reach something that they need
 * - `paused`: somebody has paused it
 * - `orphaned`: no live process could work on it for `orphanAfterDays` days
 * - `unserved`: live processes know it, and none of them may work on it
 * - `repartitioning`: its number of partitions is being changed
 * - `working`: none of these
 */
export type ConsumerState = (typeof CONSUMER_STATES)[number];
export const CONSUMER_STATES = [
  'unavailable',
  'paused',
  'orphaned',
  'unserved',
  'repartitioning',
  'working',
] as const;

/** One partition of a consumer, and whether the consumer is orphaned. */
export type PartitionView = CursorStatus & { readonly orphaned: boolean };

/** A consumer with all its partitions. */
export type ConsumerSummary = ReturnType<typeof summaryOf>;

/** A consumer, and the partitions of which it was made. */
export interface ListedConsumer<V extends PartitionView> {
  readonly summary: ConsumerSummary;
  readonly views: readonly V[];
}

/** The consumers of these partitions, in their order. */
export function listedOf<V extends PartitionView>(
  views: readonly V[],
  rates: CurrentRates | undefined,
): ListedConsumer<V>[] {
  const byName = new Map<string, V[]>();
  for (const view of views) {
    const others = byName.get(view.consumerName);
    if (others === undefined) byName.set(view.consumerName, [view]);
    else others.push(view);
  }
  return [...byName.values()].map((partitions) => ({
    summary: summaryOf(partitions, rates),
    views: partitions,
  }));
}

function summaryOf(views: readonly PartitionView[], rates: CurrentRates | undefined) {
  const [first] = views as [PartitionView, ...PartitionView[]];
  const events = views.map(({ pendingEvents }) => pendingEvents);
  const behind = furthestBehind(views);
  return {
    consumerName: first.consumerName,
    state: stateOf(views),
    eventNames: first.eventNames,
    paused: views.some(({ paused }) => paused),
    pausedSince: first.pausedSince,
    pausedBy: first.pausedBy,
    pauseReason: first.pauseReason,
    orphaned: views.every(({ orphaned }) => orphaned),
    repartitioningTo: first.repartitioningTo,
    pendingPositions: sum(views.map(({ pendingPositions }) => pendingPositions)),
    pendingEvents: events.includes(null) ? null : sum(events.map(Number)),
    lagSeconds: behind?.lagSeconds ?? null,
    lagIsAtMost: behind?.lagIsAtMost ?? false,
    // The partitions together are counted to one more, which says that there are more.
    deadLetters: Math.min(COUNTED_TO, sum(views.map(({ deadLetters }) => deadLetters))),
    deadLettersAtLeast: views.some(({ deadLettersAtLeast }) => deadLettersAtLeast),
    settledPerSecond: rates?.settledPerSecond[first.consumerName] ?? null,
    unservedSince: views.find(({ unservedSince }) => unservedSince !== null)?.unservedSince ?? null,
    partitions: views.map((view) => ({
      partition: view.partition,
      owner: view.owner,
      ownerNotSeenSince: view.ownerNotSeenSince,
      pendingPositions: view.pendingPositions,
      pendingEvents: view.pendingEvents,
      lagSeconds: view.lagSeconds,
      lagIsAtMost: view.lagIsAtMost,
      unavailable: view.unavailable,
      lastProgressAt: view.lastProgressAt,
      servedAt: view.servedAt,
      deadLetters: view.deadLetters,
      deadLettersAtLeast: view.deadLettersAtLeast,
    })),
  };
}

function stateOf(views: readonly PartitionView[]): ConsumerState {
  if (views.some(({ unavailable }) => unavailable !== null)) return 'unavailable';
  if (views.some(({ paused }) => paused)) return 'paused';
  if (views.every(({ orphaned }) => orphaned)) return 'orphaned';
  if (views.some(({ unservedSince }) => unservedSince !== null)) return 'unserved';
  return views.some(({ repartitioningTo }) => repartitioningTo !== null) ? 'repartitioning' : 'working';
}

/** The partition whose oldest unsettled event is the oldest. */
export function furthestBehind<V extends Pick<CursorStatus, 'lagSeconds'>>(
  views: readonly V[],
): V | undefined {
  return views
    .filter(({ lagSeconds }) => lagSeconds !== null)
    .sort((a, b) => Number(b.lagSeconds) - Number(a.lagSeconds))
    .at(0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
