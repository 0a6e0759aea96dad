import { Inject, Injectable } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import { EngineDatabase } from '../database/engine-database.js';
import { endsWithin } from '../database/wire/answer-within.js';
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

/**
 * The order in which the engine starts and stops. Consumers are registered when the application boots.
 * Handlers run only while every module of the application is ready (`LastModule`).
 */
@Injectable()
export class EngineLifecycle {
  private closing = false;
  /**
   * Whether every hook of the boot has been called. `init()` of a microservice calls all of them a second
   * time.
   */
  private hasBooted = false;
  /** Whether the database did not answer while delivery ended. */
  private isSilent = false;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    private readonly boot: EngineBoot,
    private readonly db: EngineDatabase,
    private readonly admin: AdminDatabase,
    private readonly settings: IntegrationSettingsService,
    private readonly explorer: SubscriberExplorer,
    private readonly listeners: OutcomeListeners,
    private readonly broadcaster: WakeupBroadcaster,
    private readonly listener: WakeupListener,
    private readonly prober: CommitProber,
    private readonly job: OutboxProcessorJob,
    private readonly watchdog: Watchdog,
    private readonly maintenance: MaintenanceJob,
    private readonly unserved: UnservedConsumers,
    private readonly unconsumed: UnconsumedNames,
    private readonly registry: EventSubscriberRegistry,
    private readonly telemetry: TelemetryStart,
    private readonly transactions: TransactionalLimit,
    private readonly shutdownHooks: ShutdownHooksCheck,
    private readonly health: Closing,
  ) {}

  /** Runs before `onModuleInit` of every other module. */
  beginInit(): void {
    if (this.hasBooted) this.registry.repeatBegins();
  }

  /** Runs in `onModuleInit`. If it rejects, `stop` is to follow. */
  async init(): Promise<void> {
    if (this.hasBooted) return;
    // The watchdog starts before the first handler can block the event loop.
    const watching = this.options.role === 'publisher' ? undefined : this.watchdog.start();
    await this.boot.prepareDatabase();
    await this.boot.persist(() => this.settings.load());
    this.explorer.explore();
    this.listeners.explore();
    this.broadcaster.start();
    this.followSettings();
    if (this.options.role !== 'publisher') await this.listener.start();
    await watching;
  }

  /**
   * Runs after every `onModuleInit`, because subscribers may be registered until then. If it rejects, `stop`
   * is to follow.
   */
  async registerConsumers(): Promise<void> {
    if (this.hasBooted) return;
    await this.boot.requirePrivileges();
    await this.job.register((step) => this.boot.persist(step));
  }

  /** Runs when every other module is ready. */
  async beginDelivery(): Promise<void> {
    this.registry.repeatEnds();
    if (this.hasBooted) return;
    this.hasBooted = true;
    this.telemetry.start();
    if (this.options.role !== 'publisher') this.transactions.start();
    this.job.begin(this.options.role);
    if (!this.closing) this.unconsumed.start();
    if (this.options.role === 'publisher' || this.closing) return;
    this.maintenance.start();
    if (this.registry.consumers().length > 0) this.shutdownHooks.start();
    await this.unserved.start();
  }

  /** Runs before any other module is destroyed. */
  async endDelivery(): Promise<void> {
    this.closing = true;
    this.health.begin();
    this.shutdownHooks.stop();
    // A database that does not answer holds up each of them for as long as a statement may take.
    const others = endsWithin(
      this.db.limits.closeMs,
      Promise.all([
        this.maintenance.stop(),
        this.unserved.stop(),
        this.unconsumed.stop(),
        this.listener.stop(),
      ]),
    );
    const isAnswered = await this.job.stop(this.options.shutdownTimeoutMs);
    this.isSilent = !((await others) && isAnswered);
  }

  /** Requests that were still being answered may have published until now. */
  async stop(): Promise<void> {
    await this.watchdog.close();
    const last = Promise.all([this.listener.stop(), this.prober.close(), this.broadcaster.stop()]);
    // Polling finds what nobody is told of.
    const isAnswered = await endsWithin(this.isSilent ? 0 : this.db.limits.silentMs, last);
    const how = { isSilent: this.isSilent || !isAnswered };
    await Promise.all([this.db.close(how), this.admin.close(how)]);
  }

  /**
   * Settings and names of consumers that were changed anywhere are read at once. Without this the heartbeat
   * would read them up to two seconds later.
   */
  private followSettings(): void {
    this.listener.settingsChanged$.subscribe(() => {
      this.settings.load().catch(() => {});
    });
    this.listener.consumersChanged$.subscribe(() => this.job.consumersChanged());
  }
}
