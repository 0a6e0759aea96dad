import { Inject, Injectable, type Logger } from '@nestjs/common';
import { ConcurrencyLimiter } from '../delivery/execution/concurrency-limiter.js';
import { OutcomeStream } from '../delivery/partition/outcome-stream.js';
import { ClusterWatch, READING_KEPT_MS } from '../health/cluster-watch.js';
import { KeptReading } from '../health/kept-reading.js';
import { DeliveryCounters } from '../telemetry/delivery-counters.js';
import { EngineTelemetry } from '../telemetry/engine-telemetry.js';
import { PartMeasures } from '../telemetry/part-measures.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { loggerOf } from '../words/engine-logger.js';
import { PartGauges } from './engine-extensions.js';
import { ENGINE_NAME } from './engines.js';

/** Connects the metrics with the parts of the engine that know their values. Does nothing if they are off. */
@Injectable()
export class TelemetryStart {
  private hasStarted = false;
  private readonly logger: Logger;

  constructor(
    private readonly telemetry: EngineTelemetry,
    private readonly limiter: ConcurrencyLimiter,
    private readonly counters: DeliveryCounters,
    private readonly outcomes: OutcomeStream,
    private readonly notifier: OutboxNotifier,
    private readonly cluster: ClusterWatch,
    private readonly gauges: PartGauges,
    private readonly measures: PartMeasures,
    @Inject(READING_KEPT_MS) private readonly keptMs: number,
    @Inject(ENGINE_NAME) engine: string,
  ) {
    this.logger = loggerOf('IntegrationTelemetry', { engine });
  }

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
    if (!meters.isHeard)
      this.logger.warn(
        'telemetry.metrics is on, but no SDK of OpenTelemetry is registered, so no metrics are reported until the application starts again. Register one before app.init() ends, such as in onModuleInit of a module',
      );
    this.outcomes.countWith((...outcomes) => meters.saved(...outcomes));
    this.notifier.wakeups$.subscribe(({ source }) => meters.wokenUp(source));
    meters.observeCluster(this.cluster);
    for (const gauge of this.gauges.all) {
      const kept = new KeptReading(() => gauge.read(), this.keptMs);
      meters.observePart(gauge, () => kept.read());
    }
    meters.measureParts(this.measures);
  }
}
