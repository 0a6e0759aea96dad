import { Inject, Injectable } from '@nestjs/common';
import { ConsumerService } from '../changes/consumer.service.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingsView } from '../settings/settings-view.js';
import type { ClusterReading, ReadableCluster } from '../telemetry/cluster-gauges.js';
import { lagsOf } from './backlog.js';
import { ClusterStore } from './cluster.store.js';
import { InboxLagStore } from './inbox-lag.store.js';
import { KeptReading } from './kept-reading.js';

/**
 * Token of the milliseconds for which a reading is given again. Several readers of metrics, and one who reads
 * often, cost no more than one reading in this time.
 */
export const READING_KEPT_MS = Symbol('nestjs-integration:reading-kept-ms');
export const DEFAULT_READING_KEPT_MS = 5_000;

/**
 * The state of the cluster for metrics. Every process reports the same values, because none of them knows
 * whether another one does.
 */
@Injectable()
export class ClusterWatch implements ReadableCluster {
  private readonly kept: KeptReading<ClusterReading>;

  constructor(
    private readonly consumers: ConsumerService,
    private readonly store: ClusterStore,
    private readonly inbox: InboxLagStore,
    @Inject(IntegrationSettingsService) private readonly settings: SettingsView<'processingLeaseMs'>,
    @Inject(READING_KEPT_MS) keptMs: number,
  ) {
    this.kept = new KeptReading(() => this.readNow(), keptMs);
  }

  get readingAge(): number {
    return this.kept.age;
  }

  /**
   * Resolves to undefined if the database gives no answer within two seconds. Values of the last seconds are
   * given again.
   */
  read(): Promise<ClusterReading | undefined> {
    return this.kept.read();
  }

  private async readNow(): Promise<ClusterReading | undefined> {
    // One after the other, so that an admin's call finds a connection free.
    const cluster = await this.store.read(this.settings.snapshot().processingLeaseMs);
    if (cluster === undefined) return undefined;
    const consumers = await this.consumers.list();
    const inInbox = await this.inbox.read();
    return {
      consumers: lagsOf(consumers, inInbox).map((each) => ({
        consumerName: each.consumerName,
        partition: each.partition,
        backlog: each.pendingEvents ?? each.pendingPositions,
        lagSeconds: each.lagOfAll ?? 0,
        deadLetters: each.deadLetters,
        isPaused: each.paused,
      })),
      logPosition: cluster.logPosition,
      oldestHoleSeconds: cluster.oldestWriterSeconds,
      processes: cluster.processes,
      processesHandling: cluster.handling,
      findings: cluster.findings ?? {},
    };
  }
}
