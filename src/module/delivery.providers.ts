import { type Provider } from '@nestjs/common';
import { HostClient } from '../database/clients/host-client.js';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { EngineDatabase } from '../database/engine-database.js';
import { ConsumerWorkers } from '../delivery/consumer-workers.js';
import { ConcurrencyLimiter } from '../delivery/execution/concurrency-limiter.js';
import { FailedAttempts } from '../delivery/execution/failed-attempts.js';
import { FaultPoints } from '../delivery/execution/fault-points.js';
import { HandlerRunner } from '../delivery/execution/handler-runner.js';
import { HandlerTransactionStore } from '../delivery/execution/handler-transaction.store.js';
import { HandlerTransactions } from '../delivery/execution/handler-transactions.js';
import { HostConnections } from '../delivery/execution/host-connections.js';
import { LineKeeping } from '../delivery/execution/line-keeping.js';
import { TransactionalRunner } from '../delivery/execution/transactional-runner.js';
import { DEFAULT_FAILURE_COUNT_MS, FAILURE_COUNT_MS, FailureLog } from '../delivery/failure-log.js';
import { DEFAULT_LISTENER_LIMITS, LISTENER_LIMITS, OutcomeListeners } from '../delivery/outcome-listeners.js';
import { EnteredEvents } from '../delivery/partition/entered-events.js';
import { OutcomeStream } from '../delivery/partition/outcome-stream.js';
import { RetryPolicy } from '../delivery/partition/retry-policy.js';
import type { RunningRehearsal } from '../delivery/rehearsals/rehearsal-transaction.js';
import { RehearsalTransactionStore } from '../delivery/rehearsals/rehearsal-transaction.store.js';
import { RehearsalTransactions } from '../delivery/rehearsals/rehearsal-transactions.js';
import { RehearsalWorkStore } from '../delivery/rehearsals/rehearsal-work.store.js';
import { REHEARSING_RUNNER, Rehearsals } from '../delivery/rehearsals/rehearsals.js';
import { Watchdog } from '../delivery/watchdog/watchdog.js';
import { FlushPace } from '../delivery/worker/flush-pace.js';
import {
  WorkerEnvironment,
  WorkerExecution,
  WorkerReports,
  WorkerStores,
} from '../delivery/worker/worker-environment.js';
import { EventGate } from '../events/event-gate.js';
import { BrokenAttemptStore } from '../inbox/broken-attempt.store.js';
import { InboxService } from '../inbox/inbox.service.js';
import { InboxCursorStore } from '../inbox/inbox-cursor.store.js';
import { SequenceStore } from '../inbox/sequence.store.js';
import { IntegrationLinkService } from '../links/integration-link.service.js';
import { IntegrationProcessStore } from '../membership/beat/integration-process.store.js';
import { PartReports } from '../membership/beat/part-reports.js';
import { BEAT_INTERVAL_MS, DEFAULT_BEAT_INTERVAL_MS, LeaseKeeper } from '../membership/lease-keeper.js';
import { LeaseStore } from '../membership/leases/lease.store.js';
import { NamedLeases } from '../membership/leases/named-leases.js';
import { SequenceWatch } from '../membership/sequence-watch.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { DeliveryCounters } from '../telemetry/delivery-counters.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from './integration.options.js';

/** The providers of leases, workers and handlers. */
export const DELIVERY: Provider[] = [
  SequenceStore,
  SequenceWatch,
  LeaseStore,
  NamedLeases,
  PartReports,
  HandlerTransactionStore,
  { provide: BEAT_INTERVAL_MS, useValue: DEFAULT_BEAT_INTERVAL_MS },
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
      BEAT_INTERVAL_MS,
      NamedLeases,
      PartReports,
    ],
    useFactory: (
      db: EngineDatabase,
      processes: IntegrationProcessStore,
      cursors: InboxCursorStore,
      sequence: SequenceWatch,
      identity: ProcessIdentity,
      { role }: ResolvedOptions,
      settings: IntegrationSettingsService,
      beatIntervalMs: number,
      named: NamedLeases,
      parts: PartReports,
    ) =>
      new LeaseKeeper(
        db,
        processes,
        cursors,
        sequence,
        identity,
        role,
        settings,
        beatIntervalMs,
        named,
        parts,
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
    useFactory: ({ watchdog, name }: ResolvedOptions, settings: IntegrationSettingsService) =>
      new Watchdog(watchdog, () => settings.snapshot().processingLeaseMs, undefined, name),
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
  {
    provide: LineKeeping,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ handlerLines }: ResolvedOptions) => new LineKeeping(handlerLines),
  },
  EnteredEvents,
  BrokenAttemptStore,
  HandlerTransactions,
  HostConnections,
  TransactionalRunner,
  RehearsalTransactionStore,
  RehearsalTransactions,
  RehearsalWorkStore,
  {
    provide: REHEARSING_RUNNER,
    inject: [
      HostClient,
      RehearsalTransactions,
      InboxService,
      IntegrationLinkService,
      OutboxNotifier,
      FailedAttempts,
      EventGate,
      LineKeeping,
      HostConnections,
    ],
    useFactory: rehearsingRunner,
  },
  Rehearsals,
  HandlerRunner,
  FlushPace,
  WorkerStores,
  WorkerExecution,
  WorkerReports,
  WorkerEnvironment,
  ConsumerWorkers,
];

/**
 * Runs handlers as in a delivery, in transactions that are rolled back. No fault of a test is armed for it.
 */
function rehearsingRunner(
  host: HostClient,
  transactions: RehearsalTransactions,
  inbox: InboxService,
  links: IntegrationLinkService,
  notifier: OutboxNotifier,
  failures: FailedAttempts,
  gate: EventGate,
  lines: LineKeeping,
  connections: HostConnections,
): TransactionalRunner<RunningRehearsal> {
  const faults = new FaultPoints();
  return new TransactionalRunner<RunningRehearsal>(
    host,
    transactions,
    inbox,
    links,
    notifier,
    failures,
    faults,
    gate,
    lines,
    connections,
  );
}
