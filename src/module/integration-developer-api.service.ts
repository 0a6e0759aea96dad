import { Injectable } from '@nestjs/common';
import type { PersistenceClient, Tx } from '../database/clients/sql-client.js';
import type {
  DomainEventInput,
  EventName,
  KnownName,
  NameWithoutPayload,
  NoPayload,
  PayloadOf,
  PublishedEvent,
} from '../events/domain-event.js';
import type {
  CreateIntegrationLinkDto,
  IntegrationLink,
  IntegrationLinkEnd,
  IntegrationLinkType,
} from '../links/integration-link.js';
import { IntegrationLinkService } from '../links/integration-link.service.js';
import type { AggregatePublisher } from '../outbox/aggregate-publisher.js';
import { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import type { PublishEventOptions, PublishOptions } from '../outbox/publish-options.js';
import { type TransactionOptions, TransactionRunner } from '../outbox/transaction-runner.js';
import { callSiteOf } from '../subscribers/call-site.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import type {
  AnySubscriberDefinition,
  BatchSubscriberDefinition,
  SubscriberDefinition,
} from '../subscribers/subscriber-definition.js';

/** Offers in one service what a feature module needs for publishing, subscribing and linking. */
@Injectable()
export class IntegrationDeveloperApiService {
  constructor(
    private readonly publisher: DomainEventPublisher,
    private readonly transactions: TransactionRunner,
    private readonly registry: EventSubscriberRegistry,
    private readonly links: IntegrationLinkService,
  ) {}

  /** Publishes one event; see `DomainEventPublisher.publishEvent`. */
  publishEvent<N extends EventName>(
    event: DomainEventInput<N>,
    options?: PublishOptions,
  ): Promise<PublishedEvent>;
  publishEvent<N extends EventName>(
    eventName: KnownName<N> & NameWithoutPayload<N>,
    sourceModule: string,
    aggregateType: string,
    aggregateId: string,
  ): Promise<PublishedEvent>;
  publishEvent<N extends EventName>(
    eventName: KnownName<N>,
    sourceModule: string,
    aggregateType: string,
    aggregateId: string,
    payload: PayloadOf<N> | NoPayload<N>,
    options?: PublishEventOptions,
  ): Promise<PublishedEvent>;
  publishEvent(...args: unknown[]): Promise<PublishedEvent> {
    return (this.publisher.publishEvent as (...args: unknown[]) => Promise<PublishedEvent>).apply(
      this.publisher,
      args,
    );
  }

  /**
   * Makes a publisher that knows its module and aggregate type: `integrationApi.for('finance', 'invoice')`;
   * see `DomainEventPublisher.for`.
   */
  for(sourceModule: string, aggregateType: string): AggregatePublisher {
    return this.publisher.for(sourceModule, aggregateType);
  }

  /** Publishes events in one statement and keeps their order; see `DomainEventPublisher.publishEvents`. */
  publishEvents<N extends readonly EventName[]>(
    events: readonly [...{ [K in keyof N]: DomainEventInput<N[K]> }],
    options?: PublishOptions,
  ): Promise<PublishedEvent[]>;
  publishEvents(events: readonly DomainEventInput[], options?: PublishOptions): Promise<PublishedEvent[]> {
    return this.publisher.publishEvents(events, options);
  }

  /**
   * Runs `fn` in a transaction of the host's client and wakes the consumers after the commit. Events are
   * published in it with `{ persistenceClient: tx }`. Leaving that out throws
   * INTEGRATION_TRANSACTION_FORGOTTEN.
   */
  transaction<R>(fn: (tx: Tx) => Promise<R>, options?: TransactionOptions): Promise<R> {
    return this.transactions.run(fn, options);
  }

  /** Adds a handler; see `EventSubscriberRegistry.registerHandler`. */
  subscribe<const N extends EventName>(definition: BatchSubscriberDefinition<N>): void;
  subscribe<const N extends EventName>(definition: SubscriberDefinition<N>): void;
  subscribe(definition: AnySubscriberDefinition): void {
    this.registry.registerAt(callSiteOf(this.subscribe), definition);
  }

  /**
   * Adds handlers in the given order. An invalid one throws, and those after it are not added. The compiler
   * cannot infer the handlers' arguments if a batch handler or a list of names is among them. Annotate the
   * arguments then.
   */
  subscribeMany<const N extends readonly EventName[]>(
    definitions: { readonly [K in keyof N]: SubscriberDefinition<N[K]> },
  ): void;
  subscribeMany<const N extends readonly EventName[]>(
    definitions: readonly [
      ...{ [K in keyof N]: SubscriberDefinition<N[K]> | BatchSubscriberDefinition<N[K]> },
    ],
  ): void;
  subscribeMany(definitions: readonly AnySubscriberDefinition[]): void {
    const place = callSiteOf(this.subscribeMany);
    for (const definition of definitions) this.registry.registerAt(place, definition);
  }

  /**
   * Creates a link, in the caller's transaction if its client is given. Nothing changes if the link exists.
   */
  createLink(dto: CreateIntegrationLinkDto, persistenceClient?: PersistenceClient): Promise<IntegrationLink> {
    return this.links.createLink(dto, persistenceClient);
  }

  /** The links that start at an entity. */
  findLinksBySource({ module, entityType, entityId }: IntegrationLinkEnd): Promise<IntegrationLink[]> {
    return this.links.findOutbound(module, entityType, entityId);
  }

  /** The links that end at an entity. */
  findLinksByTarget({ module, entityType, entityId }: IntegrationLinkEnd): Promise<IntegrationLink[]> {
    return this.links.findInbound(module, entityType, entityId);
  }

  findLinksByType(linkType: IntegrationLinkType): Promise<IntegrationLink[]> {
    return this.links.findByLinkType(linkType);
  }
}
