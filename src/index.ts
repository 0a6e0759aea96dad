export type { EngineConnectionOptions } from './database/connection-options.js';
export { type PgClient, PgSqlClient } from './database/pg-sql-client.js';
export type { SqlClient, TransactionalSqlClient, TransactionLimit, Tx } from './database/sql-client.js';
export {
  OutboxPollingCoordinator,
  type PollingState,
} from './delivery/outbox-polling-coordinator.js';
export { type DrainResult, OutboxProcessor, type ProcessorStats } from './delivery/outbox-processor.js';
export type { EventOutcome } from './delivery/outcome-stream.js';
export {
  INTEGRATION_ERROR_CODES,
  IntegrationError,
  type IntegrationErrorCode,
  NonRetryableError,
  RetryAfterError,
  SkipEventError,
  UnavailableError,
} from './errors.js';
export type {
  AggregateEventInput,
  DomainEvent,
  DomainEventInput,
  EventMetadata,
  EventName,
  IntegrationEvents,
  PayloadOf,
  PublishedEvent,
} from './events/domain-event.js';
export type { Jsonify } from './events/json-types.js';
export {
  ConsumerService,
  type ConsumerView,
  type DiscardOptions,
  type RepartitionOptions,
} from './inbox/consumer.service.js';
export type { CursorStatus, LeftToOther } from './inbox/cursor-status.store.js';
export { InboxService } from './inbox/inbox.service.js';
export type { DiscardableState } from './inbox/inbox-admin.store.js';
export type { DeadLetter, InboxFilter, InboxPageRequest, InboxRecord } from './inbox/inbox-record.js';
export type { InboxStatus } from './inbox/inbox-status.js';
export type { RepartitionState } from './inbox/repartition.store.js';
export type { ReplayFilter, ReplayRange, ReplayRequest, ReplayResult } from './inbox/replay.js';
export { IntegrationModule } from './integration.module.js';
export type {
  IntegrationModuleAsyncOptions,
  IntegrationModuleOptions,
  IntegrationOptions,
  IntegrationOptionsFactory,
} from './integration.options.js';
export type { IntegrationTypes } from './integration.types.js';
export { IntegrationDeveloperApiService } from './integration-developer-api.service.js';
export type {
  CreateIntegrationLinkDto,
  IntegrationLink,
  IntegrationLinkEnd,
  IntegrationLinkType,
} from './links/integration-link.js';
export { IntegrationLinkService } from './links/integration-link.service.js';
export { AggregatePublisher } from './outbox/aggregate-publisher.js';
export { DomainEventPublisher } from './outbox/domain-event-publisher.js';
export { OutboxService } from './outbox/outbox.service.js';
export type {
  ConsumerDelivery,
  DeliveryStatus,
  OutboxEvent,
  OutboxEventFilter,
  OutboxEventStatus,
  OutboxEventStatusReport,
  OutboxStats,
  Page,
  PageRequest,
  TimelineEntry,
} from './outbox/outbox-event.js';
export { OutboxNotifier } from './outbox/outbox-notifier.js';
export type { PublishEventOptions, PublishOptions } from './outbox/publish-options.js';
export type { TransactionOptions } from './outbox/transaction-runner.js';
export type { Wakeup } from './outbox/wakeup.js';
export {
  type FullSettingKey,
  IntegrationSettingsService,
  type SettingChange,
  type SettingView,
} from './settings/integration-settings.service.js';
export type { OutboxSettings, SettingKey } from './settings/settings-definitions.js';
export type { SettingSource } from './settings/settings-resolution.js';
export { EventSubscriberRegistry } from './subscribers/event-subscriber-registry.js';
export { IntegrationSubscriber } from './subscribers/integration-subscriber.decorator.js';
export type {
  BatchSubscriberDefinition,
  BatchSubscriberHandler,
  BatchSubscriberOptions,
  EventOf,
  SingleSubscriberOptions,
  StartFrom,
  SubscriberBatch,
  SubscriberContext,
  SubscriberDefinition,
  SubscriberHandler,
  SubscriberOptions,
  SubscriberRetry,
} from './subscribers/subscriber-definition.js';
