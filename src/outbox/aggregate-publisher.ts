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

/** What is used of `DomainEventPublisher`, its types set aside. */
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
 * Publishes the events of one module about one type of aggregate; made by `DomainEventPublisher.for`.
 *
 * ```ts
 * private readonly invoices = this.publisher.for('finance', 'invoice');
 *
 * await this.invoices.publish('invoice.created', invoice.id, { total }, tx);
 * ```
 *
 * Rules and errors are those of `DomainEventPublisher`.
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
   * transaction, or options with `persistenceClient` and the event's optional fields; without it the event is
   * written at once, in a statement of its own.
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
   * Publishes several in one statement: all or none, in the order given; see
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
    // What is no array is refused as such, by those who check events.
    const whole = Array.isArray(events)
      ? events.map((event: AggregateEventInput) => ({ ...event, sourceModule, aggregateType }))
      : events;
    return publisher.publishEvents(whole as readonly DomainEventInput[], optionsOf(where));
  }
}

/**
 * A client, and whatever else is no bag of options, is the transaction: whether it is fit is checked where
 * all are.
 */
function optionsOf<Options extends PublishOptions>(where: Where<Options> | undefined): Options | undefined {
  if (where === undefined || where === null) return undefined;
  const isOptions = typeof where === 'object' && !isSqlClient(where) && isPlainObject(where);
  return (isOptions ? where : { persistenceClient: where }) as Options;
}
