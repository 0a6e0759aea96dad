import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { ConsumerService } from '../consumers/consumer.service.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingsView } from '../settings/settings-view.js';
import type { ClusterReading, ReadableCluster } from '../telemetry/cluster-gauges.js';
import { lagsOf } from './backlog.js';
import { ClusterStore } from './cluster.store.js';
import { InboxLagStore } from './inbox-lag.store.js';

/**
 * Token of the milliseconds for which a reading is given again. Several readers of metrics, and one who reads
 * often, cost no more than one reading in this time.
 */
export const READING_KEPT_MS = Symbol('nestjs-integration:reading-kept-ms');
export const DEFAULT_READING_KEPT_MS = 5_000;

/**
 * Milliseconds. A reader of metrics gives up after ten seconds as a rule. It then loses all metrics of the
 * process because of those few that come from the database.
 */
const WAITED_MS = 2_000;

/**
 * The state of the cluster for metrics. Every process reports the same values, because none of them knows
 * whether another one does.
 */
@Injectable()
export class ClusterWatch implements ReadableCluster {
  private latest: ClusterReading | undefined;
  private latestAt = performance.now();
  private underWay: Promise<void> | undefined;

  constructor(
    private readonly consumers: ConsumerService,
    private readonly store: ClusterStore,
    private readonly inbox: InboxLagStore,
    @Inject(IntegrationSettingsService) private readonly settings: SettingsView<'processingLeaseMs'>,
    @Inject(READING_KEPT_MS) private readonly keptMs: number,
  ) {}

  get readingAge(): number {
    return (performance.now() - this.latestAt) / 1_000;
  }

  /**
   * Resolves to undefined if the database gives no answer within two seconds. Values of the last seconds are
   * given again.
   */
  async read(): Promise<ClusterReading | undefined> {
    const { latest, latestAt, keptMs } = this;
    if (latest !== undefined && performance.now() - latestAt < keptMs) return latest;
    // There is one reading at a time, however many ask, and however long the database takes.
    this.underWay ??= this.readAnew();
    await within(WAITED_MS, this.underWay);
    return this.latest === latest ? undefined : this.latest;
  }

  private async readAnew(): Promise<void> {
    try {
      const reading = await this.readNow();
      if (reading === undefined) return;
      this.latest = reading;
      this.latestAt = performance.now();
    } catch {
      // The age of the last reading tells it.
    } finally {
      this.underWay = undefined;
    }
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

async function within(ms: number, work: Promise<void>): Promise<void> {
  const late = new AbortController();
  const waited = delay(ms, undefined, { signal: late.signal }).catch(() => {});
  await Promise.race([work, waited]);
  late.abort();
}
