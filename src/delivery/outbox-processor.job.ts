import { Injectable, Logger } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { messageOf } from '../errors.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { ConsumerRegistration } from '../subscribers/consumer-registration.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { ConsumerWorkers } from './consumer-workers.js';
import { OutboxPollingCoordinator } from './outbox-polling-coordinator.js';

/** The lifecycle of delivery: registers the consumers, starts the loops, follows the setting that switches them, stops them. */
@Injectable()
export class OutboxProcessorJob {
  private readonly logger = new Logger('OutboxProcessorJob');
  private readonly subscriptions: Subscription[] = [];
  /** Late registrations are written one after another. */
  private registering: Promise<void> = Promise.resolve();
  private started = false;

  constructor(
    private readonly workers: ConsumerWorkers,
    private readonly coordinator: OutboxPollingCoordinator,
    private readonly registry: EventSubscriberRegistry,
    private readonly registration: ConsumerRegistration,
    private readonly settings: IntegrationSettingsService,
  ) {}

  /** Once every `onModuleInit` is done. A publisher registers and beats (for its settings) but takes no lease. */
  async start(role: 'all' | 'publisher' | 'worker'): Promise<void> {
    this.started = true;
    await this.registration.register(this.registry.consumers());
    this.subscriptions.push(
      this.registry.registrations$.subscribe(() => this.registerLate()),
      this.settings.changes$.subscribe(() => this.followSwitch(role)),
    );
    const loops = role !== 'publisher' && this.settings.snapshot()['processor.enabled'];
    this.workers.begin(loops);
    if (loops) this.coordinator.start();
  }

  /** Stops reading, lets handlers finish for `timeoutMs`, saves, releases. */
  async stop(timeoutMs: number): Promise<void> {
    if (!this.started) return;
    this.started = false;
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
    this.coordinator.stop();
    await this.registering;
    await this.workers.end(timeoutMs);
  }

  private registerLate(): void {
    this.registering = this.registering
      .then(() => this.registration.register(this.registry.consumers()))
      .then(() => this.workers.consumersChanged())
      .catch((error) => this.logger.error(`A late registration failed: ${messageOf(error)}`));
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
