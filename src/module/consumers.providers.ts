import { type Provider } from '@nestjs/common';
import { AdminTasks } from '../changes/admin-tasks.js';
import { ConsumerService } from '../changes/consumer.service.js';
import { consumerServiceOf } from '../changes/consumer-service-of.js';
import { CorrectionService } from '../changes/correction.service.js';
import { OperationService } from '../changes/operations/operation.service.js';
import { OperationKinds } from '../changes/operations/operation-kinds.js';
import { OperationRunner } from '../changes/operations/operation-runner.js';
import { RehearsalService } from '../changes/rehearsals/rehearsal.service.js';
import { RepartitionSteps } from '../changes/repartition-steps.js';
import { ReplayStore } from '../changes/replay.store.js';
import { ReplayWindowStore } from '../changes/replay-window.store.js';
import { AdminDatabase } from '../database/admin-database.js';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { EngineDatabase } from '../database/engine-database.js';
import { EventLimits } from '../events/event-limits.js';
import { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import {
  BacklogSamples,
  DEFAULT_SAMPLE_TIMES,
  SAMPLE_TIMES,
  type SampleTimes,
} from '../rates/backlog-samples.js';
import { ConsumerRatesService } from '../rates/consumer-rates.service.js';
import { WorkCounts } from '../rates/work-counts.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { ConsumerBacklogService } from '../status/consumer-backlog.service.js';
import { CursorStatusStore } from '../status/cursor-status.store.js';
import { FailureGroupService } from '../status/failure-group.service.js';
import { FlowService } from '../status/flow.service.js';
import { JourneyService } from '../status/journey.service.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { operationKindsOf } from './extension.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from './integration.options.js';

/** What admins do with consumers, over connections of their own, and what the engine does for them. */
export const CONSUMERS: Provider[] = [
  {
    provide: ConsumerService,
    inject: [AdminDatabase, IntegrationSettingsService, OutboxNotifier, OperationService],
    useFactory: consumerServiceOf,
  },
  {
    provide: FailureGroupService,
    inject: [AdminDatabase],
    useFactory: (db: AdminDatabase) => new FailureGroupService(db),
  },
  {
    provide: ConsumerBacklogService,
    inject: [AdminDatabase],
    useFactory: (db: AdminDatabase) => new ConsumerBacklogService(db),
  },
  {
    provide: JourneyService,
    inject: [AdminDatabase],
    useFactory: (db: AdminDatabase) => new JourneyService(db),
  },
  {
    provide: FlowService,
    inject: [AdminDatabase],
    useFactory: (db: AdminDatabase) => new FlowService(db),
  },
  {
    provide: CorrectionService,
    inject: [AdminDatabase, DomainEventPublisher, EventLimits],
    useFactory: (db: AdminDatabase, publisher: DomainEventPublisher, limits: EventLimits) =>
      new CorrectionService(db, publisher, limits),
  },
  {
    provide: RehearsalService,
    inject: [AdminDatabase, IntegrationSettingsService],
    useFactory: (db: AdminDatabase, settings: IntegrationSettingsService) =>
      new RehearsalService(db, settings),
  },
  { provide: SAMPLE_TIMES, useValue: DEFAULT_SAMPLE_TIMES },
  {
    provide: BacklogSamples,
    inject: [EngineDatabase, SAMPLE_TIMES, RESOLVED_OPTIONS, WorkCounts, ProcessIdentity],
    useFactory: (
      db: EngineDatabase,
      times: SampleTimes,
      { role }: ResolvedOptions,
      work: WorkCounts,
      { id }: ProcessIdentity,
    ) => new BacklogSamples(db, times, role !== 'publisher', work, id),
  },
  {
    provide: ConsumerRatesService,
    inject: [AdminDatabase, SAMPLE_TIMES],
    useFactory: (db: AdminDatabase, times: SampleTimes) => new ConsumerRatesService(db, times),
  },
  WorkCounts,
  CursorStatusStore,
  ReplayStore,
  ReplayWindowStore,
  RepartitionSteps,
  {
    provide: OperationKinds,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ extensions }: ResolvedOptions) => operationKindsOf(extensions),
  },
  OperationRunner,
  AdminTasks,
];
