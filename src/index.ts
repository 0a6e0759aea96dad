export type { AuditEntry, AuditFilter, AuditOutcome, AuditPage, AuditPageRequest } from './audit/audit.js';
export { AuditService } from './audit/audit.service.js';
export type { AuditVia, ChangeAuthor } from './audit/change-author.js';
export type { DiscardableState } from './changes/chosen/inbox-admin.store.js';
export type { OperationFilter, PartOfLog, StoredFilter } from './changes/chosen/operation-filter.js';
export {
  type ConsumerPage,
  type ConsumerPageRequest,
  ConsumerService,
  type ConsumerView,
  type DiscardOptions,
  type RemoveOptions,
  type StartOptions,
} from './changes/consumer.service.js';
export type { Correction, CorrectionOptions, CorrectionResult } from './changes/correction.js';
export { CorrectionService } from './changes/correction.service.js';
export type { DiscardOneOptions } from './changes/one-event.js';
export type {
  LeftOut,
  Operation,
  OperationKind,
  OperationOrder,
  OperationPage,
  OperationPageRequest,
  OperationPart,
  OperationRequest,
  OperationState,
  OperationVerdict,
} from './changes/operations/operation.js';
export { OperationService } from './changes/operations/operation.service.js';
export type { OperationOutlook } from './changes/operations/outlook.js';
export type {
  Rehearsal,
  RehearsalError,
  RehearsalOutcome,
  RehearsalOutlook,
  RehearsalResult,
  RehearsalState,
  RehearsedEvent,
  UnpublishedEvent,
} from './changes/rehearsals/rehearsal.js';
export { RehearsalService } from './changes/rehearsals/rehearsal.service.js';
export type { RepartitionState } from './changes/repartition-steps.js';
export type { RepartitionOptions } from './changes/repartitioning.js';
export type { ReplayedRange, ReplayFilter, ReplayRange } from './changes/replay.js';
export type {
  AdapterFactory,
  AdapterWords,
  HostAdapter,
  HostPool,
  TransactionState,
} from './database/clients/host-adapter.js';
export { type PgClient, PgSqlClient } from './database/clients/pg-sql-client.js';
export type {
  PersistenceClient,
  SqlClient,
  TransactionalSqlClient,
  TransactionLimit,
  Tx,
} from './database/clients/sql-client.js';
export type { EngineConnectionOptions } from './database/connection/connection-options.js';
export { OnIntegrationEvent, type OutcomeKinds } from './delivery/on-integration-event.decorator.js';
export {
  OutboxPollingCoordinator,
  type PollingState,
} from './delivery/outbox-polling-coordinator.js';
export { OutboxProcessorJob } from './delivery/outbox-processor.job.js';
export { type DrainResult, OutboxProcessor, type ProcessorStats } from './delivery/outbox-processor.js';
export type { HandlerLinesOption, LineToKeep } from './delivery/partition/attempt-lines.js';
export {
  AttemptOutcome,
  EventOutcome,
  FinalFailure,
  PostponedOutcome,
  ProcessedOutcome,
  RetryingOutcome,
  SkippedOutcome,
} from './delivery/partition/outcome-stream.js';
export {
  INTEGRATION_ERROR_CODES,
  IntegrationError,
  type IntegrationErrorCode,
  NonRetryableError,
  PostponeError,
  RetryAfterError,
  SkipEventError,
  UnavailableError,
} from './errors.js';
export {
  type AggregateEventInput,
  DomainEvent,
  type DomainEventInput,
  type EventMetadata,
  type EventName,
  type IntegrationEvents,
  PayloadOf,
  type PublishedEvent,
} from './events/domain-event.js';
export type { JsonPatchOperation } from './events/json-patch.js';
export type { Jsonify } from './events/json-types.js';
export { ChangeHistoryService } from './history/change-history.service.js';
export type {
  ChangeHistory,
  ChangeHistoryRequest,
  NotedChange,
  NotedChange as ProblemChange,
} from './history/noted-change.js';
export type {
  FailedAttempt,
  HandlerLine,
  Resolution,
} from './inbox/failed-attempt.js';
export { InboxService } from './inbox/inbox.service.js';
export type {
  DeadLetter,
  EventHistory,
  InboxFilter,
  InboxPageRequest,
  InboxRecord,
} from './inbox/inbox-record.js';
export type { InboxStatus } from './inbox/inbox-status.js';
export type { IntegrationTypes } from './integration.types.js';
export type {
  CreateIntegrationLinkDto,
  IntegrationLink,
  IntegrationLinkEnd,
  IntegrationLinkType,
} from './links/integration-link.js';
export { IntegrationLinkService } from './links/integration-link.service.js';
export type { LinkEdge, LinkGraph } from './links/link-graph.js';
export { LinkGraphService } from './links/link-graph.service.js';
export type {
  EventChain,
  EventHead,
  EventOrder,
  EventSearchFilter,
  EventSearchPage,
  EventSearchResult,
  EventWithMetadataText,
  EventWithPayloadText,
  SearchFollower,
  SearchProgress,
} from './log/event-look.js';
export { EventLookService } from './log/event-look.service.js';
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
} from './log/outbox-event.js';
export { DoctorService } from './maintenance/doctor.js';
export type { Examination, Finding, FindingAction, FindingSeverity } from './maintenance/finding.js';
export type { LeaseName } from './membership/beat/lease-beat.store.js';
export type { Lease, LeaseFence, LeaseHold, LeaseWork } from './membership/leases/lease.js';
export { LeaseService } from './membership/leases/lease.service.js';
export { type ProcessPage, type ProcessPageRequest, ProcessService } from './membership/process.service.js';
export type {
  AttemptOfProcess,
  OwnedCursor,
  ProcessView,
  RunningAttempt,
} from './membership/process-view.store.js';
export type { IntegrationExtension } from './module/extension.js';
export {
  getIntegrationToken,
  InjectIntegration,
  type IntegrationService,
} from './module/inject-integration.js';
export { IntegrationModule } from './module/integration.module.js';
export type {
  IntegrationModuleAsyncOptions,
  IntegrationModuleOptions,
  IntegrationOptions,
  IntegrationOptionsFactory,
} from './module/integration.options.js';
export { IntegrationDeveloperApiService } from './module/integration-developer-api.service.js';
export { AggregatePublisher } from './outbox/aggregate-publisher.js';
export { DomainEventPublisher } from './outbox/domain-event-publisher.js';
export { OutboxService } from './outbox/outbox.service.js';
export type { PublishEventOptions, PublishOptions } from './outbox/publish-options.js';
export type { TransactionOptions } from './outbox/transaction-runner.js';
export type {
  Problem,
  ProblemKind,
  ProblemList,
  ProblemRequest,
  ProblemSource,
  ProblemTrend,
} from './problems/problem.js';
export { ProblemService } from './problems/problem.service.js';
export type {
  ConsumerRates,
  ConsumerWork,
  CurrentRates,
  EngineRatePoint,
  EngineRates,
  RatePoint,
  RateRange,
  WorkPoint,
} from './rates/consumer-rates.js';
export { ConsumerRatesService } from './rates/consumer-rates.service.js';
export { type Counted, countText, type EstimatedCount, estimateText } from './rates/counted.js';
export type { FailedInSteps, HeatMap, HeatMapRequest, HeatStep } from './rates/heat-map.js';
export {
  type FullSettingKey,
  IntegrationSettingsService,
  type SettingChange,
  type SettingView,
} from './settings/integration-settings.service.js';
export type { SettingHistoryEntry } from './settings/settings.store.js';
export type {
  SettingEffect,
  SettingHistoryPage,
  SettingHistoryRequest,
  SettingProblem,
  SettingsChangeOptions,
  SettingsPreview,
  SettingValues,
} from './settings/settings-change.js';
export type { OutboxSettings, SettingKey } from './settings/settings-definitions.js';
export type { SettingSource } from './settings/settings-resolution.js';
export type {
  BacklogEvent,
  BacklogPage,
  BacklogPlace,
  BacklogState,
  BlockingEvent,
  ConsumerBacklog,
} from './status/consumer-backlog.js';
export { ConsumerBacklogService } from './status/consumer-backlog.service.js';
export type { ConsumerOrder, ConsumerPlace } from './status/consumer-order.js';
export type { ConsumerState, ConsumerSummary, ListedConsumer } from './status/consumer-summary.js';
export type { ConsumerSelection, CursorStatus, LeftToOther } from './status/cursor-status.store.js';
export type {
  DeadLetterPlace,
  FailureGroupChange,
  FailureGroupKey,
  FailureGroupOrder,
  FailureGroupPlace,
  GroupedDeadLetter,
  PageOf,
} from './status/failure-group.js';
export {
  type FailureGroupFilter,
  type FailureGroupPage,
  FailureGroupService,
} from './status/failure-group.service.js';
export type { FailureGroup } from './status/failure-group.store.js';
export type {
  FlowConsumer,
  FlowMap,
  FlowName,
  FlowRequest,
  FlowRest,
  FlowState,
  FlowWindow,
} from './status/flow.js';
export { FlowService } from './status/flow.service.js';
export type {
  Journey,
  JourneyAttempt,
  JourneyDelivery,
  JourneyEvent,
  JourneyLane,
} from './status/journey.js';
export { JourneyService } from './status/journey.service.js';
export type { LongRunning } from './status/long-running.store.js';
export type { ConsumersOverview, ConsumerToRead } from './status/overview.store.js';
export type { EarlierEvent, NamedProcess, WhyNotYet } from './status/why-not-yet.js';
export { EventSubscriberRegistry } from './subscribers/event-subscriber-registry.js';
export { IntegrationSubscriber } from './subscribers/integration-subscriber.decorator.js';
export {
  BatchSubscriberContext,
  type BatchSubscriberDefinition,
  type BatchSubscriberHandler,
  type BatchSubscriberOptions,
  type DeliveryOccasion,
  EventOf,
  type SingleSubscriberOptions,
  type StartFrom,
  type SubscriberBatch,
  SubscriberContext,
  type SubscriberDefinition,
  type SubscriberHandler,
  type SubscriberOptions,
  type SubscriberRetry,
  type TextBatchSubscriberDefinition,
  type TextBatchSubscriberHandler,
  type TextBatchSubscriberOptions,
  TextEventOf,
  type TextSubscriberDefinition,
  type TextSubscriberHandler,
  type TextSubscriberOptions,
} from './subscribers/subscriber-definition.js';
export {
  type CollectedHistogram,
  type CollectedMetrics,
  IntegrationMetrics,
} from './telemetry/integration-metrics.js';
export type { TelemetryOptions } from './telemetry/telemetry-options.js';
export { OutboxNotifier } from './wakeups/outbox-notifier.js';
export type { Wakeup } from './wakeups/wakeup.js';
