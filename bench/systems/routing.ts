import type { BenchEvent } from './bench-event.js';
import type { SystemOptions } from './measured-system.js';

type Routing = Pick<SystemOptions, 'consumers' | 'wants'>;

/** The consumers that want an event. */
export function consumersOf({ n }: BenchEvent, { consumers, wants }: Routing): number[] {
  return wants === 'its-own' ? [n % consumers] : Array.from({ length: consumers }, (_, consumer) => consumer);
}

/** How many consumers want each event. */
export function handlersOfAnEvent({ consumers, wants }: Routing): number {
  return wants === 'its-own' ? 1 : consumers;
}

/** Those of the events that a consumer wants. */
export function eventsFor(consumer: number, events: readonly BenchEvent[], routing: Routing): BenchEvent[] {
  return events.filter((event) => consumersOf(event, routing).includes(consumer));
}

/** Each event with the consumers that want it. */
export function withConsumers(
  events: readonly BenchEvent[],
  routing: Routing,
): (BenchEvent & { consumers: number[] })[] {
  return events.map((event) => ({ ...event, consumers: consumersOf(event, routing) }));
}

/** The event's name, which says who wants it. */
export function nameOf({ n }: BenchEvent, routing: Routing): string {
  return nameFor(n % routing.consumers, routing);
}

/** What a consumer subscribes to. */
export function nameFor(consumer: number, { wants }: Routing): string {
  return wants === 'its-own' ? `invoice.created.${consumer}` : 'invoice.created';
}
