import { HostClient } from '../../src/database/clients/host-client.js';
import type { TransactionalSqlClient } from '../../src/database/clients/sql-client.js';
import { ProcessIdentity } from '../../src/database/connection/process-identity.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { EventGate } from '../../src/events/event-gate.js';
import { EventLimits } from '../../src/events/event-limits.js';
import { OutboxQueryStore } from '../../src/log/outbox-query.store.js';
import { OutboxStatsStore } from '../../src/log/outbox-stats.store.js';
import { SequenceGuard } from '../../src/log/sequence-guard.js';
import { CommitProber } from '../../src/outbox/commit-prober.js';
import { DomainEventPublisher } from '../../src/outbox/domain-event-publisher.js';
import { OutboxService } from '../../src/outbox/outbox.service.js';
import { OutboxEventStore } from '../../src/outbox/outbox-event.store.js';
import { TransactionRunner } from '../../src/outbox/transaction-runner.js';
import { IntegrationSettingsService } from '../../src/settings/integration-settings.service.js';
import { EngineTelemetry } from '../../src/telemetry/engine-telemetry.js';
import { OutboxNotifier } from '../../src/wakeups/outbox-notifier.js';
import type { Wakeup } from '../../src/wakeups/wakeup.js';
import { WakeupStore } from '../../src/wakeups/wakeup.store.js';
import { WakeupBroadcaster } from '../../src/wakeups/wakeup-broadcaster.js';
import { WakeupListener } from '../../src/wakeups/wakeup-listener.js';

/** The outbox as one process has it, put together by hand: no Nest, no consumers. */
export interface OutboxRoom {
  readonly db: EngineDatabase;
  readonly store: OutboxEventStore;
  readonly settings: IntegrationSettingsService;
  readonly publisher: DomainEventPublisher;
  readonly transactions: TransactionRunner;
  readonly outbox: OutboxService;
  readonly notifier: OutboxNotifier;
  readonly prober: CommitProber;
  readonly broadcaster: WakeupBroadcaster;
  readonly listener: WakeupListener;
  /** Every wake-up so far. */
  readonly wakeups: Wakeup[];
  close(): Promise<void>;
}

export function openOutbox(options: {
  url: string;
  /** Default: the engine's own connections in a client's shape. */
  client?: TransactionalSqlClient;
  maxPayloadBytes?: number;
}): OutboxRoom {
  const db = new EngineDatabase({ connectionString: options.url, schema: 'integration' });
  const host = new HostClient(options.client ?? db.openClient());
  const settings = new IntegrationSettingsService(db);
  const store = new OutboxEventStore(db);
  const notifier = new OutboxNotifier();
  const identity = new ProcessIdentity();
  const prober = new CommitProber(store, notifier, identity);
  const wakeupStore = new WakeupStore(db);
  const broadcaster = new WakeupBroadcaster(wakeupStore, notifier, identity);
  const listener = new WakeupListener(db, wakeupStore, notifier, identity);
  const limits = new EventLimits(options.maxPayloadBytes);
  const publisher = new DomainEventPublisher(
    host,
    store,
    settings,
    limits,
    notifier,
    prober,
    new SequenceGuard(db),
    new EngineTelemetry({}),
    new EventGate(),
  );
  const wakeups: Wakeup[] = [];
  notifier.wakeups$.subscribe((wakeup) => wakeups.push(wakeup));
  return {
    db,
    store,
    settings,
    publisher,
    transactions: new TransactionRunner(host, notifier, broadcaster),
    outbox: new OutboxService(publisher, new OutboxQueryStore(db), new OutboxStatsStore(db)),
    notifier,
    prober,
    broadcaster,
    listener,
    wakeups,
    close: async () => {
      await Promise.all([prober.close(), listener.stop(), broadcaster.stop()]);
      await db.close();
    },
  };
}
