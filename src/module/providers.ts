import { type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { AdminTasks } from '../consumers/admin-tasks.js';
import { ConsumerService } from '../consumers/consumer.service.js';
import { ConsumerAdminStore } from '../consumers/consumer-admin.store.js';
import { ConsumerRegistration } from '../consumers/consumer-registration.js';
import { CursorStatusStore } from '../consumers/cursor-status.store.js';
import { DiscardOneStore } from '../consumers/discard-one.store.js';
import { HandOver } from '../consumers/hand-over.js';
import { InboxAdmin } from '../consumers/inbox-admin.js';
import { InboxAdminStore } from '../consumers/inbox-admin.store.js';
import { RenameStore } from '../consumers/rename.store.js';
import { RepartitionSteps } from '../consumers/repartition-steps.js';
import { Repartitioning } from '../consumers/repartitioning.js';
import { ReplayStore } from '../consumers/replay.store.js';
import { ReplayRequestStore } from '../consumers/replay-request.store.js';
import { Replaying } from '../consumers/replaying.js';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { EngineDatabase } from '../database/engine-database.js';
import { ConsumerWorkers } from '../delivery/consumer-workers.js';
import { ConcurrencyLimiter } from '../delivery/execution/concurrency-limiter.js';
import { FailedAttempts } from '../delivery/execution/failed-attempts.js';
import { FaultPoints } from '../delivery/execution/fault-points.js';
import { HandlerRunner } from '../delivery/execution/handler-runner.js';
import { HandlerTransactionStore } from '../delivery/execution/transactions/handler-transaction.store.js';
import { HandlerTransactions } from '../delivery/execution/transactions/handler-transactions.js';
import { TransactionalRunner } from '../delivery/execution/transactions/transactional-runner.js';
import { DEFAULT_FAILURE_COUNT_MS, FAILURE_COUNT_MS, FailureLog } from '../delivery/failure-log.js';
import { OutboxPollingCoordinator } from '../delivery/outbox-polling-coordinator.js';
import { OutboxProcessorJob } from '../delivery/outbox-processor.job.js';
import { OutboxProcessor } from '../delivery/outbox-processor.js';
import { DEFAULT_LISTENER_LIMITS, LISTENER_LIMITS, OutcomeListeners } from '../delivery/outcome-listeners.js';
import { EnteredEvents } from '../delivery/partition/entered-events.js';
import { OutcomeStream } from '../delivery/partition/outcome-stream.js';
import { RetryPolicy } from '../delivery/partition/retry-policy.js';
import { Watchdog } from '../delivery/watchdog/watchdog.js';
import { FlushPace } from '../delivery/worker/flush-pace.js';
import {
  WorkerEnvironment,
  WorkerExecution,
  WorkerReports,
  WorkerStores,
} from '../delivery/worker/worker-environment.js';
import { EventLimits } from '../events/event-limits.js';
import { IntegrationHealthIndicator } from '../health/integration-health-indicator.js';
import { BrokenAttemptStore } from '../inbox/broken-attempt.store.js';
import { InboxService } from '../inbox/inbox.service.js';
import { InboxCursorStore } from '../inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../inbox/inbox-event.store.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import { SettlementStore } from '../inbox/settlement.store.js';
import { SettlementGroupCommit } from '../inbox/settlement-group-commit.js';
import { IntegrationLinkService } from '../links/integration-link.service.js';
import { IntegrationLinkStore } from '../links/integration-link.store.js';
import { OutboxLogStore } from '../log/outbox-log.store.js';
import { OutboxQueryStore } from '../log/outbox-query.store.js';
import { OutboxStatsStore } from '../log/outbox-stats.store.js';
import { SequenceGuard } from '../log/sequence-guard.js';
import { SharedScan } from '../log/sharing/shared-scan.js';
import { ConsumerPresence } from '../maintenance/consumer-presence.js';
import { ConsumerPresenceStore } from '../maintenance/consumer-presence.store.js';
import { MaintenanceJob } from '../maintenance/maintenance.job.js';
import { MAINTENANCE_TASKS, type MaintenanceTask } from '../maintenance/maintenance-task.js';
import { MaintenanceTaskStore } from '../maintenance/maintenance-task.store.js';
import { Retention } from '../maintenance/retention.js';
import { RetentionStore } from '../maintenance/retention.store.js';
import { UnconsumedNames } from '../maintenance/unconsumed-names.js';
import { UnroutedEventStore } from '../maintenance/unrouted-event.store.js';
import { UnroutedEvents } from '../maintenance/unrouted-events.js';
import {
  DEFAULT_UNSERVED_TIMES,
  UNSERVED_TIMES,
  UnservedConsumers,
} from '../maintenance/unserved-consumers.js';
import { IntegrationProcessStore } from '../membership/integration-process.store.js';
import { LeaseKeeper } from '../membership/lease-keeper.js';
import { SequenceStore } from '../membership/sequence.store.js';
import { SequenceWatch } from '../membership/sequence-watch.js';
import { UnavailableConsumers } from '../membership/unavailable-consumers.js';
import { CommitProber } from '../outbox/commit-prober.js';
import { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import { OutboxService } from '../outbox/outbox.service.js';
import { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { TransactionRunner } from '../outbox/transaction-runner.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { findNestConfig } from '../settings/nest-config.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { SubscriberExplorer } from '../subscribers/subscriber-explorer.js';
import { DeliveryCounters } from '../telemetry/delivery-counters.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { WakeupStore } from '../wakeups/wakeup.store.js';
import { WakeupBroadcaster } from '../wakeups/wakeup-broadcaster.js';
import { WakeupListener } from '../wakeups/wakeup-listener.js';
import { BOOT_DEADLINE_MS, DEFAULT_BOOT_DEADLINE_MS, EngineBoot } from './engine-boot.js';
import { settingGroupsOf, tasksOf } from './extension.js';
import {
  CONFIGURATION,
  GIVEN_OPTIONS,
  type HostConfiguration,
  type IntegrationOptions,
  RESOLVED_OPTIONS,
  type ResolvedOptions,
  resolveOptions,
} from './integration.options.js';
import { IntegrationDeveloperApiService } from './integration-developer-api.service.js';
import { EngineLifecycle } from './lifecycle.js';

/** What `IntegrationModule` offers to the application. */
export const SERVICES = [
  IntegrationDeveloperApiService,
  DomainEventPublisher,
  OutboxService,
  OutboxNotifier,
  EventSubscriberRegistry,
  IntegrationLinkService,
  IntegrationSettingsService,
  OutboxProcessor,
  OutboxPollingCoordinator,
  InboxService,
  ConsumerService,
  IntegrationHealthIndicator,
];

export const FOUNDATION: Provider[] = [
  ProcessIdentity,
  { provide: BOOT_DEADLINE_MS, useValue: DEFAULT_BOOT_DEADLINE_MS },
  {
    provide: CONFIGURATION,
    inject: [ModulesContainer],
    useFactory: async (modules: ModulesContainer): Promise<HostConfiguration> => ({
      reader: await findNestConfig(modules),
    }),
  },
  {
    provide: RESOLVED_OPTIONS,
    inject: [GIVEN_OPTIONS, CONFIGURATION],
    useFactory: (given: IntegrationOptions, { reader }: HostConfiguration) => resolveOptions(given, reader),
  },
  {
    provide: EngineDatabase,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ connectionString, connection, schema, poolMax }: ResolvedOptions) =>
      new EngineDatabase({ connectionString, connection, schema, max: poolMax }),
  },
  {
    provide: EventLimits,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ maxPayloadBytes }: ResolvedOptions) => new EventLimits(maxPayloadBytes),
  },
  {
    provide: IntegrationSettingsService,
    inject: [EngineDatabase, RESOLVED_OPTIONS, CONFIGURATION],
    useFactory: (
      db: EngineDatabase,
      { settings, extensions }: ResolvedOptions,
      { reader }: HostConfiguration,
    ) =>
      new IntegrationSettingsService(db, { options: settings, config: reader }, settingGroupsOf(extensions)),
  },
];

const DELIVERY: Provider[] = [
  SequenceStore,
  SequenceWatch,
  HandlerTransactionStore,
  {
    provide: LeaseKeeper,
    inject: [
      EngineDatabase,
      IntegrationProcessStore,
      InboxCursorStore,
      SequenceWatch,
      ProcessIdentity,
      RESOLVED_OPTIONS,
      IntegrationSettingsService,
    ],
    useFactory: (
      db: EngineDatabase,
      processes: IntegrationProcessStore,
      cursors: InboxCursorStore,
      sequence: SequenceWatch,
      identity: ProcessIdentity,
      { role }: ResolvedOptions,
      settings: IntegrationSettingsService,
    ) =>
      new LeaseKeeper(
        db,
        processes,
        cursors,
        sequence,
        identity,
        role,
        () => settings.snapshot().processingLeaseMs,
      ),
  },
  {
    provide: ConcurrencyLimiter,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ maxConcurrency }: ResolvedOptions) => new ConcurrencyLimiter(maxConcurrency),
  },
  {
    provide: Watchdog,
    inject: [RESOLVED_OPTIONS, IntegrationSettingsService],
    useFactory: ({ watchdog }: ResolvedOptions, settings: IntegrationSettingsService) =>
      new Watchdog(watchdog, () => settings.snapshot().processingLeaseMs),
  },
  FaultPoints,
  OutcomeStream,
  { provide: FAILURE_COUNT_MS, useValue: DEFAULT_FAILURE_COUNT_MS },
  FailureLog,
  { provide: LISTENER_LIMITS, useValue: DEFAULT_LISTENER_LIMITS },
  OutcomeListeners,
  DeliveryCounters,
  RetryPolicy,
  FailedAttempts,
  EnteredEvents,
  BrokenAttemptStore,
  HandlerTransactions,
  TransactionalRunner,
  HandlerRunner,
  FlushPace,
  WorkerStores,
  WorkerExecution,
  WorkerReports,
  WorkerEnvironment,
  ConsumerWorkers,
  OutboxProcessorJob,
];

const MAINTENANCE: Provider[] = [
  MaintenanceTaskStore,
  RetentionStore,
  Retention,
  ConsumerPresenceStore,
  ConsumerPresence,
  UnroutedEventStore,
  UnroutedEvents,
  UnconsumedNames,
  { provide: UNSERVED_TIMES, useValue: DEFAULT_UNSERVED_TIMES },
  UnservedConsumers,
  {
    provide: MAINTENANCE_TASKS,
    inject: [
      ConsumerPresence,
      Retention,
      UnroutedEvents,
      EngineDatabase,
      IntegrationSettingsService,
      MaintenanceTaskStore,
      RESOLVED_OPTIONS,
    ],
    useFactory: (
      presence: ConsumerPresence,
      retention: Retention,
      unrouted: UnroutedEvents,
      db: EngineDatabase,
      settings: IntegrationSettingsService,
      tasks: MaintenanceTaskStore,
      { extensions }: ResolvedOptions,
    ): MaintenanceTask[] => [presence, retention, unrouted, ...tasksOf(extensions, { db, settings, tasks })],
  },
  MaintenanceJob,
];

/** What admins do with consumers. */
const CONSUMERS: Provider[] = [
  CursorStatusStore,
  ConsumerAdminStore,
  InboxAdminStore,
  DiscardOneStore,
  InboxAdmin,
  ReplayStore,
  ReplayRequestStore,
  Replaying,
  RepartitionSteps,
  Repartitioning,
  RenameStore,
  AdminTasks,
];

export const ENGINE: Provider[] = [
  OutboxLogStore,
  SharedScan,
  InboxCursorStore,
  SettlementStore,
  SettlementGroupCommit,
  InboxEventStore,
  InboxRecordStore,
  ...CONSUMERS,
  IntegrationProcessStore,
  UnavailableConsumers,
  ...DELIVERY,
  ...MAINTENANCE,
  OutboxEventStore,
  OutboxQueryStore,
  OutboxStatsStore,
  IntegrationLinkStore,
  SequenceGuard,
  WakeupStore,
  CommitProber,
  WakeupBroadcaster,
  WakeupListener,
  TransactionRunner,
  SubscriberExplorer,
  ConsumerRegistration,
  HandOver,
  EngineBoot,
  EngineLifecycle,
  ...SERVICES.filter((service) => service !== IntegrationSettingsService),
];
