import { Inject, Injectable } from '@nestjs/common';
import { ReplayStore } from '../../changes/replay.store.js';
import { ProcessIdentity } from '../../database/connection/process-identity.js';
import { InboxCursorStore } from '../../inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../../inbox/inbox-event.store.js';
import { SettlementGroupCommit } from '../../inbox/settlement-group-commit.js';
import { OutboxLogStore } from '../../log/outbox-log.store.js';
import { SharedScan } from '../../log/sharing/shared-scan.js';
import { UnavailableConsumers } from '../../membership/unavailable-consumers.js';
import { WorkCounts } from '../../rates/work-counts.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { SettingsView } from '../../settings/settings-view.js';
import { DeliveryCounters } from '../../telemetry/delivery-counters.js';
import { EngineTelemetry } from '../../telemetry/engine-telemetry.js';
import { RepeatedFailures } from '../../words/repeated-failures.js';
import { ConcurrencyLimiter } from '../execution/concurrency-limiter.js';
import { FaultPoints } from '../execution/fault-points.js';
import { HandlerRunner } from '../execution/handler-runner.js';
import { HostConnections } from '../execution/host-connections.js';
import { EnteredEvents } from '../partition/entered-events.js';
import { OutcomeStream } from '../partition/outcome-stream.js';
import { RetryPolicy } from '../partition/retry-policy.js';
import { FlushPace } from './flush-pace.js';

/** The stores that the workers of a process read and write. */
@Injectable()
export class WorkerStores {
  constructor(
    readonly log: OutboxLogStore,
    readonly scan: SharedScan,
    readonly cursors: InboxCursorStore,
    readonly inbox: InboxEventStore,
    readonly settlements: SettlementGroupCommit,
    readonly replays: ReplayStore,
  ) {}
}

/** The services that run handlers and judge their outcomes. */
@Injectable()
export class WorkerExecution {
  constructor(
    readonly runner: HandlerRunner,
    readonly slots: ConcurrencyLimiter,
    readonly connections: HostConnections,
    readonly retries: RetryPolicy,
    readonly entered: EnteredEvents,
    readonly faults: FaultPoints,
    readonly process: ProcessIdentity,
  ) {}
}

/** The services that receive the outcomes of events. */
@Injectable()
export class WorkerReports {
  constructor(
    readonly outcomes: OutcomeStream,
    readonly counters: DeliveryCounters,
    readonly unavailable: UnavailableConsumers,
    readonly telemetry: EngineTelemetry,
    readonly work: WorkCounts,
  ) {}
}

/** The parts that all workers of a process share. */
@Injectable()
export class WorkerEnvironment {
  /** The loggers of all workers share it: a database that is away makes all of them fail in the same way. */
  readonly failures = new RepeatedFailures();

  constructor(
    readonly stores: WorkerStores,
    readonly execution: WorkerExecution,
    readonly reports: WorkerReports,
    readonly flushPace: FlushPace,
    @Inject(IntegrationSettingsService)
    readonly settings: SettingsView<
      'batchSize' | 'startupDrainBatchSize' | 'startupDrainEnabled' | 'deadLetterEnabled'
    >,
  ) {}
}
