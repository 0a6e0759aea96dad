import type { ConsumerView } from '../../changes/consumer.service.js';
import type { CurrentRates } from '../../rates/consumer-rates.js';
import { COUNTED_TO } from '../../rates/counted.js';

/** The consumers of these partitions, in their order. */
export function consumersOf(views: readonly ConsumerView[], rates: CurrentRates | undefined) {
  const byName = new Map<string, ConsumerView[]>();
  for (const view of views) byName.set(view.consumerName, [...(byName.get(view.consumerName) ?? []), view]);
  return [...byName.entries()].map(([name, partitions]) => consumerOf(name, partitions, rates));
}

function consumerOf(consumerName: string, views: readonly ConsumerView[], rates: CurrentRates | undefined) {
  const events = views.map(({ pendingEvents }) => pendingEvents);
  const behind = views
    .filter(({ lagSeconds }) => lagSeconds !== null)
    .sort((a, b) => Number(b.lagSeconds) - Number(a.lagSeconds))
    .at(0);
  const [first] = views;
  return {
    consumerName,
    eventNames: first?.eventNames ?? [],
    paused: views.some(({ paused }) => paused),
    pausedSince: first?.pausedSince ?? null,
    pausedBy: first?.pausedBy ?? null,
    pauseReason: first?.pauseReason ?? null,
    orphaned: views.every(({ orphaned }) => orphaned),
    repartitioningTo: first?.repartitioningTo ?? null,
    pendingPositions: sum(views.map(({ pendingPositions }) => pendingPositions)),
    pendingEvents: events.includes(null) ? null : sum(events.map(Number)),
    lagSeconds: behind?.lagSeconds ?? null,
    lagIsAtMost: behind?.lagIsAtMost ?? false,
    // The partitions together are counted to one more, which says that there are more.
    deadLetters: Math.min(COUNTED_TO, sum(views.map(({ deadLetters }) => deadLetters))),
    deadLettersAtLeast: views.some(({ deadLettersAtLeast }) => deadLettersAtLeast),
    settledPerSecond: rates?.settledPerSecond[consumerName] ?? null,
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
