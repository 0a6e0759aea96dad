/** What events are about, and ordered by. */
export interface AggregateKey {
  readonly aggregateType: string;
  readonly aggregateId: string;
}

/** No text of the log has it. */
const SEPARATOR = '\u0000';

/** One string for each aggregate, as a key in memory. */
export function nameOfAggregate({ aggregateType, aggregateId }: AggregateKey): string {
  return `${aggregateType}${SEPARATOR}${aggregateId}`;
}

/** Names come from the log: nobody is to know which of them have one hash. */
const MULTIPLIER = (Math.random() * 0x7fff_ffff) | 1;

/** Of the name of an aggregate, for tables of this process; 32 bits. */
export function hashOfName(name: string): number {
  return spread(mixed(name.length, name));
}

/**
 * Of its name, without the name: a text that was just put together from others is copied when it is first
 * looked into.
 */
export function hashOfAggregate({ aggregateType, aggregateId }: AggregateKey): number {
  const length = aggregateType.length + SEPARATOR.length + aggregateId.length;
  return spread(mixed(mixed(mixed(length, aggregateType), SEPARATOR), aggregateId));
}

function mixed(hash: number, text: string): number {
  let mix = hash;
  for (let i = 0; i < text.length; i++) mix = Math.imul(mix ^ text.charCodeAt(i), MULTIPLIER);
  return mix;
}

function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}
