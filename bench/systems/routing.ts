import type { BenchEvent } from './bench-event.js';
import type { SystemOptions } from './measured-system.js';

type Routing = Pick<SystemOptions, 'consumers' | 'wants'>;

/** The consumers that want an event. */
export function consumersOf({ n }: BenchEvent, { consumers, wants }: Routing): number[] {
  return wants === 'its-own' ? [n % consumers] : Array.from({ length: consumers }, (_, consumer) => consumer);
}

/** The event as its name says who wants it. */
export function routed<E extends BenchEvent>(event: E, routing: Routing): E {
  const [only] = routing.wants === 'its-own' ? consumersOf(event, routing) : [];
  return only === undefined ? event : { ...event, eventName: nameFor(only, routing) };
}

/** What a consumer subscribes to. */
export function nameFor(consumer: number, { wants }: Routing): string {
  return wants === 'its-own' ? `invoice.created.${consumer}` : 'invoice.created';
}
