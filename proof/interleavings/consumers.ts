/** The consumers of a sequence, with the event names that each wants. One has a pattern, the others leave a name out. */
export const WANTED_NAMES = {
  plain: ['thing.*'],
  transactional: ['thing.changed', 'thing.moved'],
  batch: ['thing.changed', 'thing.noted'],
} as const;

export type ConsumerName = keyof typeof WANTED_NAMES;
export const CONSUMERS: readonly ConsumerName[] = ['plain', 'transactional', 'batch'];

/** What events are called; the last is nobody's. */
export const EVENT_NAMES = ['thing.changed', 'thing.moved', 'thing.noted', 'other.noise'] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** Attempts that an event has. More than one failure of its own and `MOST_ENDS` unlucky ends of others can use up. */
export const MAX_ATTEMPTS = 8;
/** Crashes and takeovers of one sequence: each may cost an event one attempt, and rightly so. */
export const MOST_ENDS = 6;
/** An event that is to fail so often always fails. */
export const ALWAYS = 99;

export function isNamed(name: EventName, names: readonly string[]): boolean {
  return names.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : name === each));
}

export function wants(consumer: ConsumerName, name: EventName): boolean {
  return isNamed(name, WANTED_NAMES[consumer]);
}
