import { type Provider } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { ConsumerService } from '../changes/consumer.service.js';
import { CorrectionService } from '../changes/correction.service.js';
import { OperationService } from '../changes/operations/operation.service.js';
import { RehearsalService } from '../changes/rehearsals/rehearsal.service.js';
import { OutboxPollingCoordinator } from '../delivery/outbox-polling-coordinator.js';
import { OutboxProcessorJob } from '../delivery/outbox-processor.job.js';
import { OutboxProcessor } from '../delivery/outbox-processor.js';
import { Closing } from '../health/closing.js';
import { ClusterStore } from '../health/cluster.store.js';
import { ClusterWatch, DEFAULT_READING_KEPT_MS, READING_KEPT_MS } from '../health/cluster-watch.js';
import { InboxLagStore } from '../health/inbox-lag.store.js';
import { IntegrationHealthIndicator } from '../health/integration-health-indicator.js';
import { ChangeHistoryService } from '../history/change-history.service.js';
import { InboxService } from '../inbox/inbox.service.js';
import { InboxCursorStore } from '../inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../inbox/inbox-event.store.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import { SettlementStore } from '../inbox/settlement.store.js';
import { SettlementGroupCommit } from '../inbox/settlement-group-commit.js';
import { IntegrationLinkService } from '../links/integration-link.service.js';
import { IntegrationLinkStore } from '../links/integration-link.store.js';
import { LinkGraphService } from '../links/link-graph.service.js';
import { LinkGraphStore } from '../links/link-graph.store.js';
import { EventLookService } from '../log/event-look.service.js';
import { EventLookStore } from '../log/event-look.store.js';
import { OutboxLogStore } from '../log/outbox-log.store.js';
import { OutboxQueryStore } from '../log/outbox-query.store.js';
import { OutboxStatsStore } from '../log/outbox-stats.store.js';
import { SequenceGuard } from '../log/sequence-guard.js';
import { SharedScan } from '../log/sharing/shared-scan.js';
import { DoctorService } from '../maintenance/doctor.js';
import { IntegrationProcessStore } from '../membership/beat/integration-process.store.js';
import { LeaseService } from '../membership/leases/lease.service.js';
import { ProcessService } from '../membership/process.service.js';
import { UnavailableConsumers } from '../membership/unavailable-consumers.js';
import { CommitProber } from '../outbox/commit-prober.js';
import { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import { JoinedPublisher } from '../outbox/joined-publisher.js';
import { OutboxService } from '../outbox/outbox.service.js';
import { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { TransactionRunner } from '../outbox/transaction-runner.js';
import { ProblemService } from '../problems/problem.service.js';
import { ConsumerRatesService } from '../rates/consumer-rates.service.js';
import { ConsumerRegistration } from '../registration/consumer-registration.js';
import { DEFAULT_HAND_OVER_LIMIT_MS, HAND_OVER_LIMIT_MS, HandOver } from '../registration/hand-over.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { ConsumerBacklogService } from '../status/consumer-backlog.service.js';
import { FailureGroupService } from '../status/failure-group.service.js';
import { FlowService } from '../status/flow.service.js';
import { JourneyService } from '../status/journey.service.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { SubscriberExplorer } from '../subscribers/subscriber-explorer.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { WakeupStore } from '../wakeups/wakeup.store.js';
import { WakeupBroadcaster } from '../wakeups/wakeup-broadcaster.js';
import { WakeupListener } from '../wakeups/wakeup-listener.js';
import { CONSUMERS } from './consumers.providers.js';
import { DELIVERY } from './delivery.providers.js';
import { EngineBoot } from './engine-boot.js';
import { enginePartsProvider } from './engine-parts.js';
import { IntegrationDeveloperApiService } from './integration-developer-api.service.js';
import { EngineLifecycle } from './lifecycle.js';
import { MAINTENANCE } from './maintenance.providers.js';
import { TelemetryStart } from './telemetry-start.js';
import { TransactionalLimit } from './transactional-limit.js';

/** The services that `IntegrationModule` exports to the application. */
export const SERVICES = [
  IntegrationDeveloperApiService,
  DomainEventPublisher,
  OutboxService,
  OutboxNotifier,
  EventSubscriberRegistry,
  IntegrationLinkService,
  IntegrationSettingsService,
  OutboxProcessor,
  OutboxProcessorJob,
  OutboxPollingCoordinator,
  InboxService,
  ConsumerService,
  OperationService,
  AuditService,
  ConsumerBacklogService,
  ProcessService,
  DoctorService,
  FailureGroupService,
  FlowService,
  JourneyService,
  ProblemService,
  ChangeHistoryService,
  CorrectionService,
  RehearsalService,
  ConsumerRatesService,
  IntegrationHealthIndicator,
  EventLookService,
  LinkGraphService,
  LeaseService,
];

/** Services whose providers are factories in other lists. */
const MADE_ELSEWHERE: readonly unknown[] = [
  IntegrationSettingsService,
  ConsumerBacklogService,
  ConsumerService,
  DoctorService,
  FailureGroupService,
  FlowService,
  JourneyService,
  ProblemService,
  ChangeHistoryService,
  CorrectionService,
  RehearsalService,
  ConsumerRatesService,
];

export const ENGINE: Provider[] = [
  Closing,
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
  JoinedPublisher,
  OutboxQueryStore,
  EventLookStore,
  OutboxStatsStore,
  IntegrationLinkStore,
  LinkGraphStore,
  SequenceGuard,
  WakeupStore,
  CommitProber,
  WakeupBroadcaster,
  WakeupListener,
  TransactionRunner,
  SubscriberExplorer,
  ConsumerRegistration,
  { provide: HAND_OVER_LIMIT_MS, useValue: DEFAULT_HAND_OVER_LIMIT_MS },
  HandOver,
  ClusterStore,
  InboxLagStore,
  { provide: READING_KEPT_MS, useValue: DEFAULT_READING_KEPT_MS },
  ClusterWatch,
  TelemetryStart,
  TransactionalLimit,
  EngineBoot,
  enginePartsProvider,
  EngineLifecycle,
  ...SERVICES.filter((service) => !MADE_ELSEWHERE.includes(service)),
];
