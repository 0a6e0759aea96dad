import {
  CONSUMER_STATES,
  furthestBehind,
  type ListedConsumer,
  type PartitionView,
} from './consumer-summary.js';

/**
 * The order of a list of consumers. `unread`, `lag`, `deadLetters` and `progress` begin with the largest,
 * `state` with the first of `ConsumerState`. Equal ones come by name.
 */
export type ConsumerOrder = (typeof CONSUMER_ORDERS)[number];
export const CONSUMER_ORDERS = ['name', 'state', 'unread', 'lag', 'deadLetters', 'progress'] as const;

/** A place in a list of consumers: the one that stands before it. `value` is 0 in the order by name. */
export interface ConsumerPlace {
  consumerName: string;
  value: number;
}

type Keyed = ListedConsumer<PartitionView>;

/** The greater value comes first. */
const VALUES: Readonly<Record<ConsumerOrder, (consumer: Keyed) => number>> = {
  name: () => 0,
  state: ({ summary }) => -CONSUMER_STATES.indexOf(summary.state),
  unread: ({ summary }) => summary.pendingEvents ?? summary.pendingPositions,
  lag: lagValue,
  deadLetters: ({ summary }) => summary.deadLetters + Number(summary.deadLettersAtLeast),
  progress: ({ summary }) => summary.settledPerSecond ?? -1,
};

/**
 * How far a consumer is behind, as a value that does not grow while somebody reads page after page: the
 * position of its oldest event. What may be behind by less comes last.
 */
function lagValue({ summary, views }: Keyed): number {
  const oldest = furthestBehind(views)?.oldestPosition ?? null;
  if (oldest === null) return 0;
  return summary.lagIsAtMost ? -oldest : Number.MAX_SAFE_INTEGER - oldest;
}

/** These consumers in an order, from behind a place on. */
export function inOrder<C extends Keyed>(
  consumers: readonly C[],
  order: ConsumerOrder,
  after: ConsumerPlace | undefined,
): C[] {
  const placed = consumers.map((consumer) => ({ consumer, place: placeOf(consumer, order) }));
  return placed
    .filter(({ place }) => after === undefined || compared(after, place) < 0)
    .sort((a, b) => compared(a.place, b.place))
    .map(({ consumer }) => consumer);
}

/** Where a consumer stands in an order. */
export function placeOf(consumer: Keyed, order: ConsumerOrder): ConsumerPlace {
  return { consumerName: consumer.summary.consumerName, value: VALUES[order](consumer) };
}

function compared(a: ConsumerPlace, b: ConsumerPlace): number {
  if (a.value !== b.value) return b.value - a.value;
  return a.consumerName < b.consumerName ? -1 : Number(a.consumerName > b.consumerName);
}
