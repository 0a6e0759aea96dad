/** The aggregate that an event is about. Events are ordered by aggregate. */
export interface AggregateKey {
  readonly aggregateType: string;
  readonly aggregateId: string;
}

/** No text of the log contains this character. */
const SEPARATOR = '\u0000';

/** One string for each aggregate. It serves as a key in memory. */
export function nameOfAggregate({ aggregateType, aggregateId }: AggregateKey): string {
  return `${aggregateType}${SEPARATOR}${aggregateId}`;
}

/**
 * The multiplier is random because names come from the log: nobody shall be able to choose names that have
 * the same hash.
 */
const MULTIPLIER = (Math.random() * 0x7fff_ffff) | 1;

/** The hash of an aggregate's name, for tables of this process. It has 32 bits. */
export function hashOfName(name: string): number {
  return spread(mixed(name.length, name));
}

/**
 * The hash of an aggregate's name, without building the name. V8 copies a text that was just concatenated
 * when it is first read.
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
