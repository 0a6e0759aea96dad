import { Injectable } from '@nestjs/common';
import { ConcurrencyLimiter } from '../delivery/execution/concurrency-limiter.js';
import { OutcomeStream } from '../delivery/partition/outcome-stream.js';
import { ClusterWatch } from '../health/cluster-watch.js';
import { DeliveryCounters } from '../telemetry/delivery-counters.js';
import { EngineTelemetry } from '../telemetry/engine-telemetry.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';

/** Connects the metrics with the parts of the engine that know their values. Does nothing if they are off. */
@Injectable()
export class TelemetryStart {
  private hasStarted = false;

  constructor(
    private readonly telemetry: EngineTelemetry,
    private readonly limiter: ConcurrencyLimiter,
    private readonly counters: DeliveryCounters,
    private readonly outcomes: OutcomeStream,
    private readonly notifier: OutboxNotifier,
    private readonly cluster: ClusterWatch,
  ) {}

  /** Called once every module of the application is ready, so that its SDK is registered. */
  start(): void {
    if (this.hasStarted) return;
    this.hasStarted = true;
    this.telemetry.start(() => ({
      handlersRunning: this.limiter.running,
      savesRefused: this.counters.refusedSaves,
    }));
    const { meters } = this.telemetry;
    if (meters === undefined) return;
    this.outcomes.countWith((...outcomes) => meters.saved(...outcomes));
    this.notifier.wakeups$.subscribe(({ source }) => meters.wokenUp(source));
    meters.observeCluster(() => this.cluster.read());
  }
}
