import { Injectable } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';
import { IntegrationError } from '../errors.js';
import type { EventName } from '../events/domain-event.js';
import { callSiteOf } from './call-site.js';
import { Consumer, type RegisteredHandler, type Subscription } from './consumer.js';
import { type ConsumerOptionsOfOne, mergeConsumerOptions } from './consumer-options.js';
import type {
  AnySubscriberDefinition,
  BatchSubscriberDefinition,
  SubscriberDefinition,
  TextBatchSubscriberDefinition,
  TextSubscriberDefinition,
} from './subscriber-definition.js';
import { type UncheckedDefinition, validateDefinition } from './subscriber-validation.js';

interface Registration extends ConsumerOptionsOfOne {
  readonly subscription: Subscription;
}

/**
 * The handlers of this process. Register them in `onModuleInit`. Later registrations are accepted too, and
 * take part from then on.
 */
@Injectable()
export class EventSubscriberRegistry {
  private readonly registrations = new Map<string, Registration[]>();
  private readonly registered$ = new Subject<Subscription>();
  private built: Consumer[] | undefined;
  /**
   * Used while Nest calls the boot hooks once more: definitions that were registered before and have not been
   * registered again.
   */
  private repeatable: Subscription[] = [];

  /** Emits each definition when it is registered. */
  readonly registrations$: Observable<Subscription> = this.registered$.asObservable();

  /**
   * Adds a handler.
   *
   * @throws IntegrationError INTEGRATION_SUBSCRIBER_INVALID (with every problem),
   * INTEGRATION_SUBSCRIBER_DUPLICATE (the same consumer and event name twice) or
   * INTEGRATION_SUBSCRIBER_CONFLICT (the consumer's definitions disagree)
   */
  registerHandler<const N extends EventName>(definition: TextBatchSubscriberDefinition<N>): void;
  registerHandler<const N extends EventName>(definition: TextSubscriberDefinition<N>): void;
  registerHandler<const N extends EventName>(definition: BatchSubscriberDefinition<N>): void;
  registerHandler<const N extends EventName>(definition: SubscriberDefinition<N>): void;
  registerHandler<N extends EventName>(
    definition:
      | SubscriberDefinition<N>
      | BatchSubscriberDefinition<N>
      | TextSubscriberDefinition<N>
      | TextBatchSubscriberDefinition<N>,
  ): void {
    this.registerAt(callSiteOf(this.registerHandler), definition);
  }

  /** Like `registerHandler`, for a caller that knows better where the definition stands. */
  registerAt(place: string, definition: AnySubscriberDefinition): void {
    validateDefinition(definition as unknown as UncheckedDefinition, place);
    const registration = { place, options: definition, subscription: subscriptionOf(definition, place) };
    if (this.isRepeated(registration.subscription)) return;
    const { consumerName } = registration.subscription;
    const others = this.registrations.get(consumerName) ?? [];
    refuseDuplicate(others, registration.subscription);
    mergeConsumerOptions(consumerName, [...others, registration]);
    this.registrations.set(consumerName, [...others, registration]);
    this.built = undefined;
    this.registered$.next(registration.subscription);
  }

  /**
   * Nest calls the boot hooks once more. From now on, a definition that is registered again from the same
   * place, for the same consumer and names, is the known one and not a duplicate.
   *
   * @internal
   */
  repeatBegins(): void {
    this.repeatable = [...this.registrations.values()].flat().map(({ subscription }) => subscription);
  }

  /** @internal */
  repeatEnds(): void {
    this.repeatable = [];
  }

  private isRepeated(again: Subscription): boolean {
    const index = this.repeatable.findIndex((first) => isSameDefinition(first, again));
    // Each definition is matched only once, because two definitions on one line are a duplicate in a
    // repetition too.
    if (index >= 0) this.repeatable.splice(index, 1);
    return index >= 0;
  }

  /** Returns every handler of events with this name, by descending priority and then by consumer name. */
  getHandlers(eventName: string): Subscription[] {
    return this.consumers()
      .map((consumer) => consumer.match(eventName))
      .filter((subscription) => subscription !== undefined)
      .sort((a, b) => b.priority - a.priority || compareNames(a.consumerName, b.consumerName));
  }

  hasHandlers(eventName: string): boolean {
    return this.consumers().some((consumer) => consumer.match(eventName) !== undefined);
  }

  /** Returns the names and patterns that have a subscriber, in alphabetical order. */
  getEventNames(): string[] {
    return [...new Set(this.consumers().flatMap((consumer) => consumer.eventNames))].sort(compareNames);
  }

  /** The number of definitions. */
  getHandlerCount(): number {
    return [...this.registrations.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Forgets every definition of this process. What is stored in the database stays. */
  clear(): void {
    this.registrations.clear();
    this.built = undefined;
  }

  /** The consumers of this process, by descending priority and then by name. */
  consumers(): Consumer[] {
    this.built ??= [...this.registrations]
      .map(([name, all]) => consumerOf(name, all))
      .sort((a, b) => b.priority - a.priority || compareNames(a.name, b.name));
    return [...this.built];
  }

  consumer(name: string): Consumer | undefined {
    return this.consumers().find((consumer) => consumer.name === name);
  }
}

function isSameDefinition(a: Subscription, b: Subscription): boolean {
  return (
    a.place === b.place && a.consumerName === b.consumerName && a.eventNames.join() === b.eventNames.join()
  );
}

function subscriptionOf(definition: AnySubscriberDefinition, place: string): Subscription {
  const names: string | readonly string[] = definition.eventName;
  return {
    consumerName: definition.consumerName,
    eventNames: typeof names === 'string' ? [names] : [...names],
    handler: definition.handler as RegisteredHandler,
    transactional: definition.transactional ?? false,
    retry: { ...definition.retry },
    timeoutMs: definition.timeoutMs,
    priority: definition.priority ?? 0,
    payload: definition.payload ?? 'json',
    place,
  };
}

function consumerOf(name: string, registrations: readonly Registration[]): Consumer {
  const subscriptions = registrations.map(({ subscription }) => subscription);
  return new Consumer(name, subscriptions, mergeConsumerOptions(name, registrations));
}

function refuseDuplicate(
  others: readonly Registration[],
  { consumerName, eventNames, place }: Subscription,
): void {
  const places = new Map(
    others.flatMap(({ subscription }) => subscription.eventNames.map((name) => [name, subscription.place])),
  );
  for (const eventName of eventNames) {
    const first = places.get(eventName);
    if (first === undefined) places.set(eventName, place);
    else throw duplicate(consumerName, eventName, [first, place]);
  }
}

function duplicate(
  consumerName: string,
  eventName: string,
  places: readonly [string, string],
): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SUBSCRIBER_DUPLICATE',
    `Consumer "${consumerName}" handles "${eventName}" twice: at ${places[0]} and at ${places[1]}. Remove one, or give one of them a consumer name of its own`,
    { consumerName, eventName, places },
  );
}

/** Compares by code unit, so that the order is the same everywhere. */
function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
