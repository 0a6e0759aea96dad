import type { FactoryProvider } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import { EngineDatabase } from '../database/engine-database.js';
import { OutboxProcessorJob } from '../delivery/outbox-processor.job.js';
import { OutcomeListeners } from '../delivery/outcome-listeners.js';
import { Watchdog } from '../delivery/watchdog/watchdog.js';
import { Closing } from '../health/closing.js';
import { MaintenanceJob } from '../maintenance/maintenance.job.js';
import { UnconsumedNames } from '../maintenance/unconsumed-names.js';
import { UnservedConsumers } from '../maintenance/unserved-consumers.js';
import { CommitProber } from '../outbox/commit-prober.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { SubscriberExplorer } from '../subscribers/subscriber-explorer.js';
import { WakeupBroadcaster } from '../wakeups/wakeup-broadcaster.js';
import { WakeupListener } from '../wakeups/wakeup-listener.js';
import { EngineBoot } from './engine-boot.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from './integration.options.js';
import { ShutdownHooksCheck } from './shutdown-hooks-check.js';
import { TelemetryStart } from './telemetry-start.js';
import { TransactionalLimit } from './transactional-limit.js';

/** What one part does in the phases of the engine's life. `EngineLifecycle` says when each phase is. */
export interface EnginePart {
  /** Starts in `onModuleInit`. The next part waits for it. */
  readonly init?: () => Promise<void> | void;
  /** Follows every `onModuleInit`, because subscribers may be registered until then. The next part waits. */
  readonly register?: () => Promise<void> | void;
  /** Starts when every other module is ready, unless the application closes already. The next part waits. */
  readonly begin?: () => Promise<void> | void;
  /** Ends before any other module is destroyed. The parts end together, and none waits for another. */
  readonly end?: () => Promise<void> | void;
  /** Ends handlers at the same time, within limits of its own. False if the database did not answer. */
  readonly drain?: () => Promise<boolean>;
  /** Ends after the last request. Everything that follows waits for it. */
  readonly stop?: () => Promise<void>;
  /** Ends what tells others of events. Nobody waits long, because polling finds what nobody is told of. */
  readonly hangUp?: () => Promise<void>;
  /** Closes connections, after everything else. */
  readonly close?: (how: { readonly isSilent: boolean }) => Promise<void>;
}

/** The services that the parts are made of. */
const CLASSES = {
  closing: Closing,
  watchdog: Watchdog,
  boot: EngineBoot,
  settings: IntegrationSettingsService,
  explorer: SubscriberExplorer,
  outcomes: OutcomeListeners,
  broadcaster: WakeupBroadcaster,
  listener: WakeupListener,
  prober: CommitProber,
  telemetry: TelemetryStart,
  transactions: TransactionalLimit,
  job: OutboxProcessorJob,
  unconsumed: UnconsumedNames,
  maintenance: MaintenanceJob,
  shutdownHooks: ShutdownHooksCheck,
  registry: EventSubscriberRegistry,
  unserved: UnservedConsumers,
  db: EngineDatabase,
  admin: AdminDatabase,
};
type Services = { readonly [K in keyof typeof CLASSES]: InstanceType<(typeof CLASSES)[K]> };

/** The parts of the engine, from the first to the last. In each phase they come in this order. */
function partsOf(options: ResolvedOptions, services: Services): EnginePart[] {
  const { closing, db, admin } = services;
  return [
    { end: () => closing.begin() },
    watching(options, services),
    ...booting(services),
    ...telling(options, services),
    ...delivering(options, services),
    ...(options.role === 'publisher' ? [] : maintaining(services)),
    { close: (how) => db.close(how) },
    { close: (how) => admin.close(how) },
  ];
}

function watching({ role }: ResolvedOptions, { watchdog }: Services): EnginePart {
  const stop = () => watchdog.close();
  if (role === 'publisher') return { stop };
  return {
    // It starts before the first handler can block the event loop, and while the database is prepared.
    init: () => {
      watchdog.start();
    },
    register: () => watchdog.start(),
    stop,
  };
}

function booting({ boot, settings, explorer, outcomes }: Services): EnginePart[] {
  return [
    { init: () => boot.prepareDatabase(), register: () => boot.requirePrivileges() },
    { init: () => boot.persist(() => settings.load()) },
    { init: () => explorer.explore() },
    { init: () => outcomes.explore() },
  ];
}

function telling({ role }: ResolvedOptions, services: Services): EnginePart[] {
  const { broadcaster, listener, prober } = services;
  return [
    { init: () => broadcaster.start(), hangUp: () => broadcaster.stop() },
    { init: () => followSettings(services) },
    {
      init: () => (role === 'publisher' ? undefined : listener.start()),
      end: () => listener.stop(),
      hangUp: () => listener.stop(),
    },
    { hangUp: () => prober.close() },
  ];
}

/**
 * Settings and names of consumers that were changed anywhere are read at once. Without this the heartbeat
 * would read them up to two seconds later.
 */
function followSettings({ listener, settings, job }: Services): void {
  listener.settingsChanged$.subscribe(() => {
    settings.load().catch(() => {});
  });
  listener.consumersChanged$.subscribe(() => job.consumersChanged());
}

function delivering({ role, shutdownTimeoutMs }: ResolvedOptions, services: Services): EnginePart[] {
  const { boot, telemetry, transactions, job, unconsumed } = services;
  return [
    { begin: () => telemetry.start() },
    role === 'publisher' ? {} : { begin: () => transactions.start() },
    {
      register: () => job.register((step) => boot.persist(step)),
      begin: () => job.begin(role),
      drain: () => job.stop(shutdownTimeoutMs),
    },
    { begin: () => unconsumed.start(), end: () => unconsumed.stop() },
  ];
}

/** A process that only publishes has none of these. */
function maintaining({ maintenance, registry, shutdownHooks, unserved }: Services): EnginePart[] {
  return [
    { begin: () => maintenance.start(), end: () => maintenance.stop() },
    {
      begin: () => {
        if (registry.consumers().length > 0) shutdownHooks.start();
      },
      end: () => shutdownHooks.stop(),
    },
    { begin: () => unserved.start(), end: () => unserved.stop() },
  ];
}

/** The injection token of the list of parts. */
export const ENGINE_PARTS = Symbol('nestjs-integration:engine-parts');

export const enginePartsProvider: FactoryProvider<EnginePart[]> = {
  provide: ENGINE_PARTS,
  inject: [RESOLVED_OPTIONS, ...Object.values(CLASSES)],
  useFactory: (options: ResolvedOptions, ...made: unknown[]) => {
    const named = Object.keys(CLASSES).map((name, at) => [name, made[at]]);
    return partsOf(options, Object.fromEntries(named) as Services);
  },
};
