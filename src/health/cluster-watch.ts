import { Inject, Injectable } from '@nestjs/common';
import { ConsumerService } from '../consumers/consumer.service.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingsView } from '../settings/settings-view.js';
import type { ClusterReading } from '../telemetry/meters.js';
import { ClusterStore } from './cluster.store.js';

/** Milliseconds. Several readers of metrics, and one who reads often, cost no more than this. */
const KEPT_FOR_MS = 5_000;

/**
 * The state of the cluster for metrics. Every process reports the same values, because none of them knows
 * whether another one does.
 */
@Injectable()
export class ClusterWatch {
  private reading: Promise<ClusterReading | undefined> | undefined;
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly consumers: ConsumerService,
    private readonly store: ClusterStore,
    @Inject(IntegrationSettingsService) private readonly settings: SettingsView<'processingLeaseMs'>,
  ) {}

  /** Rejects if the database cannot be reached. Values of the last seconds are given again. */
  read(): Promise<ClusterReading | undefined> {
    if (this.reading !== undefined && performance.now() - this.readAt < KEPT_FOR_MS) return this.reading;
    this.readAt = performance.now();
    this.reading = this.readNow();
    this.reading.catch(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async readNow(): Promise<ClusterReading | undefined> {
    // One after the other, so that an admin's call finds a connection free.
    const cluster = await this.store.read(this.settings.snapshot().processingLeaseMs);
    if (cluster === undefined) return undefined;
    const consumers = await this.consumers.list();
    return {
      consumers: consumers.map((each) => ({
        consumerName: each.consumerName,
        partition: each.partition,
        backlog: each.pendingEvents ?? each.pendingPositions,
        lagSeconds: each.lagSeconds ?? 0,
        deadLetters: each.deadLetters,
      })),
      logPosition: cluster.logPosition,
      oldestHoleSeconds: cluster.oldestWriterSeconds ?? 0,
      processes: cluster.processes,
      findings: cluster.findings ?? {},
    };
  }
}
