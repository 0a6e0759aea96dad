import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { EngineDatabase } from '../database/engine-database.js';
import { endsWithin } from '../database/wire/answer-within.js';
import { messageOf } from '../errors.js';
import { LeaseKeeper } from '../membership/lease-keeper.js';
import { NamedLeases } from '../membership/leases/named-leases.js';
import { ConsumerRegistration } from '../registration/consumer-registration.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { ConsumerWorkers } from './consumer-workers.js';
import { FailureLog } from './failure-log.js';
import { OutboxPollingCoordinator } from './outbox-polling-coordinator.js';
import { OutcomeListeners } from './outcome-listeners.js';
import { Backoff } from './partition/backoff.js';

/**
 * The lifecycle of delivery. It registers the consumers, starts and stops the loops, and follows the setting
 * that switches them.
 */
@Injectable()
export class OutboxProcessorJob {
  private readonly logger: EngineLogger;
  private readonly subscriptions: Subscription[] = [];
  /** Late registrations are written one after another. */
  private registering: Promise<void> = Promise.resolve();
  /** The consumers that are written to the database, and the time of the write. Monotonic milliseconds. */
  private readonly written = new Map<string, number>();
  private isRegisteringAnew = false;
  private started = false;
  private stopping = new AbortController();

  constructor(
    private readonly db: EngineDatabase,
    private readonly workers: ConsumerWorkers,
    private readonly coordinator: OutboxPollingCoordinator,
    private readonly registry: EventSubscriberRegistry,
    private readonly registration: ConsumerRegistration,
    private readonly settings: IntegrationSettingsService,
    private readonly failures: FailureLog,
    private readonly listeners: OutcomeListeners,
    private readonly keeper: LeaseKeeper,
    private readonly named: NamedLeases,
  ) {
    this.logger = loggerOf('OutboxProcessorJob', settings);
  }

  /**
   * Called when every `onModuleInit` is done. Consumers that register later are written later. From now on
   * the process sends heartbeats, but it works only on demand.
   *
   * @param persist repeats what the database was lost in
   */
  async register(persist: (step: () => Promise<void>) => Promise<void>): Promise<void> {
    this.started = true;
    this.stopping = new AbortController();
    const first = persist(() => this.write());
    // Consumers that are registered from now on are not in this list. They are written after it.
    this.registering = first.then(
      () => {},
      () => {},
    );
    this.subscriptions.push(this.registry.registrations$.subscribe(() => this.registerLate()));
    try {
      await first;
    } catch (error) {
      await this.stop(0);
      throw error;
    }
    // The application may have been closed while it booted.
    if (this.started) this.workers.begin(false, (names) => this.vanished(names));
  }

  /**
   * Called when every `onApplicationBootstrap` is done. Handlers run from now on. A publisher sends
   * heartbeats (for its settings) but takes no lease.
   */
  begin(role: 'all' | 'publisher' | 'worker'): void {
    if (!this.started) return;
    this.subscriptions.push(this.settings.changes$.subscribe(() => this.followSwitch(role)));
    this.followSwitch(role);
    if (role !== 'publisher') this.named.begin(() => this.keeper.beatNow());
  }

  /**
   * Stops reading, lets handlers finish for `timeoutMs` milliseconds, saves, and releases the leases.
   *
   * Resolves to false if the database has not answered in time after that. Nobody waits for it any more: the
   * leases run out, and what was not saved is delivered again.
   */
  async stop(timeoutMs: number): Promise<boolean> {
    if (!this.started) return true;
    this.started = false;
    this.stopping.abort();
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
    this.coordinator.stop();
    const others = Promise.all([this.named.stop(timeoutMs), this.registering]);
    const handlers = this.workers.active.map(({ handlersEnded }) => handlersEnded);
    const closed = this.workers.close(timeoutMs, others);
    await endsWithin(timeoutMs, Promise.all([...handlers, others]));
    const isAnswered = await endsWithin(this.db.limits.closeMs, closed);
    this.failures.close();
    await this.listeners.close();
    return isAnswered;
  }

  /** Called when another process reports that consumers have changed. */
  consumersChanged(): void {
    if (this.started) this.workers.consumersChanged();
  }

  private registerLate(): void {
    this.registering = this.registering.then(() => this.registerNow());
  }

  /** Tries until the consumer is written, because nothing else would write it. */
  private async registerNow(): Promise<void> {
    const backoff = new Backoff();
    while (this.started) {
      try {
        await this.write();
        this.workers.consumersChanged();
        return;
      } catch (error) {
        const message = `A late registration failed, and is tried again: ${messageOf(error)}`;
        this.logger.errorOfFailure(message, undefined, message);
        await sleep(backoff.failed(), undefined, { signal: this.stopping.signal }).catch(() => {});
      }
    }
  }

  private async write(): Promise<void> {
    const consumers = this.registry.consumers();
    const since = performance.now();
    await this.registration.register(consumers, this.stopping.signal);
    for (const { name } of consumers) this.written.set(name, since);
  }

  /**
   * Called when a heartbeat finds no cursor of these consumers. A consumer that was not written yet will be
   * written. If it was written, somebody has emptied the table (for example the clean-up of a test), or an
   * admin has removed the consumer. Returns whether the consumers are being registered again.
   */
  private vanished(names: readonly string[]): boolean {
    const known = names.filter((name) => this.written.has(name));
    if (known.length === 0 || !this.started) return false;
    if (!this.isRegisteringAnew) {
      this.isRegisteringAnew = true;
      this.registering = this.registering.then(() => this.registerAnew(known));
    }
    return true;
  }

  private async registerAnew(names: readonly string[]): Promise<void> {
    try {
      const consumers = this.registry.consumers().filter(({ name }) => names.includes(name));
      const oldest = Math.min(...names.map((name) => this.written.get(name) ?? 0));
      const { anew, removed } = await this.registration.registerAnew(consumers, performance.now() - oldest);
      // A consumer that an admin has removed is registered again at the next start.
      for (const name of removed) this.written.delete(name);
      if (anew.length > 0) {
        this.logger.warnOfFailure(
          `The cursors of ${anew.map((name) => `"${name}"`).join(', ')} were gone though nobody removed these consumers: was the table emptied? They are registered again`,
        );
      }
      this.workers.consumersChanged();
    } catch (error) {
      const message = `Consumers without a cursor are registered with the next beat: ${messageOf(error)}`;
      this.logger.errorOfFailure(message, undefined, message);
    } finally {
      this.isRegisteringAnew = false;
    }
  }

  private followSwitch(role: 'all' | 'publisher' | 'worker'): void {
    const loops = role !== 'publisher' && this.settings.snapshot()['processor.enabled'];
    if (loops === this.workers.isLooping) return;
    if (loops) this.coordinator.start();
    else this.coordinator.stop();
    this.workers.setLooping(loops).catch((error) => {
      this.logger.error(`Switching the processor ${loops ? 'on' : 'off'} failed: ${messageOf(error)}`);
    });
  }
}
