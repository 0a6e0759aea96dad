import { isSqlClient } from '../database/clients/sql-client.js';
import type {
  AggregateEventInput,
  DomainEventInput,
  EventName,
  KnownName,
  NameWithoutPayload,
  NoPayload,
  PayloadOf,
  PublishedEvent,
} from '../events/domain-event.js';
import { isPlainObject } from '../events/json-values.js';
import type { PublishEventOptions, PublishOptions } from './publish-options.js';

/** The used part of `DomainEventPublisher`, without its generic types. */
interface WholePublisher {
  publishEvent(
    eventName: string,
    sourceModule: string,
    aggregateType: string,
    aggregateId: string,
    payload: unknown,
    options?: PublishEventOptions,
  ): Promise<PublishedEvent>;
  publishEvents(events: readonly DomainEventInput[], options?: PublishOptions): Promise<PublishedEvent[]>;
}

/** Where to publish: the client of the caller's open transaction, or options. */
type Where<Options extends PublishOptions> = NonNullable<PublishOptions['persistenceClient']> | Options;

/**
 * Publishes the events of one module about one type of aggregate. `DomainEventPublisher.for` makes it.
 *
 * ```ts
 * private readonly invoices = this.publisher.for('finance', 'invoice');
 *
 * await this.invoices.publish('invoice.created', invoice.id, { total }, tx);
 * ```
 *
 * The rules and errors are those of `DomainEventPublisher`.
 */
export class AggregatePublisher {
  /** @internal Use `DomainEventPublisher.for`. */
  constructor(
    private readonly publisher: WholePublisher,
    readonly sourceModule: string,
    readonly aggregateType: string,
  ) {}

  /**
   * Publishes one event about the aggregate with this id. `where` is the client of the caller's open
   * transaction, or options with `persistenceClient` and the optional fields of the event. Without `where`,
   * the event is written at once, in a statement of its own.
   */
  publish<N extends EventName>(
    eventName: KnownName<N> & NameWithoutPayload<N>,
    aggregateId: string,
  ): Promise<PublishedEvent>;
  publish<N extends EventName>(
    eventName: KnownName<N>,
    aggregateId: string,
    payload: PayloadOf<N> | NoPayload<N>,
    where?: Where<PublishEventOptions>,
  ): Promise<PublishedEvent>;
  publish(
    eventName: string,
    aggregateId: string,
    payload?: unknown,
    where?: Where<PublishEventOptions>,
  ): Promise<PublishedEvent> {
    const { publisher, sourceModule, aggregateType } = this;
    const options = optionsOf(where);
    return publisher.publishEvent(eventName, sourceModule, aggregateType, aggregateId, payload, options);
  }

  /**
   * Publishes several events in one statement: all or none, in the given order. See
   * `DomainEventPublisher.publishEvents`.
   */
  publishMany<N extends readonly EventName[]>(
    events: readonly [...{ [K in keyof N]: AggregateEventInput<N[K]> }],
    where?: Where<PublishOptions>,
  ): Promise<PublishedEvent[]>;
  async publishMany(
    events: readonly AggregateEventInput[],
    where?: Where<PublishOptions>,
  ): Promise<PublishedEvent[]> {
    const { publisher, sourceModule, aggregateType } = this;
    // A value that is not an array is passed on, because the check of events refuses it with the right error.
    const whole = Array.isArray(events)
      ? events.map((event: AggregateEventInput) => ({ ...event, sourceModule, aggregateType }))
      : events;
    return publisher.publishEvents(whole as readonly DomainEventInput[], optionsOf(where));
  }
}

/**
 * The options. A client, and any other value that is not a plain object of options, counts as the client of
 * the transaction. The check of all clients follows later.
 */
function optionsOf<Options extends PublishOptions>(where: Where<Options> | undefined): Options | undefined {
  if (where === undefined || where === null) return undefined;
  const isOptions = typeof where === 'object' && !isSqlClient(where) && isPlainObject(where);
  return (isOptions ? where : { persistenceClient: where }) as Options;
}
