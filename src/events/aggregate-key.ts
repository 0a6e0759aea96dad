/** What events are about, and ordered by. */
export interface AggregateKey {
  readonly aggregateType: string;
  readonly aggregateId: string;
}

/** One string for each aggregate, as a key in memory. */
export function nameOfAggregate({ aggregateType, aggregateId }: AggregateKey): string {
  return `${aggregateType}\u0000${aggregateId}`;
}

/** Names come from the log: nobody is to know which of them have one hash. */
const MULTIPLIER = (Math.random() * 0x7fff_ffff) | 1;

/** Of the name of an aggregate, for tables of this process; 32 bits. */
export function hashOfName(name: string): number {
  let hash = name.length;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
