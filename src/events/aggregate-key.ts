/** What events are about, and ordered by. */
export interface AggregateKey {
  readonly aggregateType: string;
  readonly aggregateId: string;
}

/** One string for each aggregate, as a key in memory. */
export function nameOfAggregate({ aggregateType, aggregateId }: AggregateKey): string {
  return `${aggregateType}\u0000${aggregateId}`;
}
