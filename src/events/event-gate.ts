import type { DomainEvent, DomainEventInput } from './domain-event.js';

/**
 * Looks at events before they are published, and returns them as they are to be stored. `placeOf` gives what
 * stands before the fields of an event in messages (`events[2].`). It throws, or rejects, for what must not
 * be published.
 */
export type Publishing = (
  events: readonly DomainEventInput[],
  placeOf: (index: number) => string,
) => readonly DomainEventInput[] | Promise<readonly DomainEventInput[]>;

/**
 * Looks at an event before its handler gets it, and returns what the handler gets. What it throws counts as
 * thrown by the handler. `isText` says that the payload is JSON text.
 */
export type Delivering = (event: DomainEvent, isText: boolean) => DomainEvent;

/**
 * Where an optional part of the package takes part in publishing and delivering. Both are undefined in an
 * application without such a part, and then an event costs one branch.
 */
export class EventGate {
  constructor(
    readonly publishing?: Publishing | undefined,
    readonly delivering?: Delivering | undefined,
  ) {}
}
