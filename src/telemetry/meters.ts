import { type Attributes, createNoopMeter, type Meter, metrics } from '@opentelemetry/api';
import { ClusterGauges, type ReadableCluster } from './cluster-gauges.js';
import { type Durations, ReportedDurations } from './durations.js';
import { errorTypeOf } from './error-type.js';
import type { AttemptObserver, HandledAttempt } from './handled-message.js';
import { AllHandledSeries } from './handled-series.js';
import type { IntegrationMetrics } from './integration-metrics.js';
import { KnownEventNames } from './known-event-names.js';
import { ATTRIBUTES as A, METRICS as M, SYSTEM } from './names.js';
import { type GaugeValue, observePart, type PartGauge } from './part-gauges.js';
import type { PartCounter, PartDurations, PartMeasures } from './part-measures.js';
import { ReadCounter } from './read-counter.js';
import { SavedOutcomes } from './saved-outcomes.js';

/** Seconds. Handlers and transactions take from less than a millisecond to many seconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** An event may also wait for hours, for a retry or for a consumer that is paused. */
const LONG_SECONDS = [...SECONDS, 300, 1_800, 3_600, 21_600, 86_400];
const EVENTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/** What this process knows when its metrics are read. */
export interface ProcessGauges {
  readonly handlersRunning: number;
  readonly savesRefused: number;
}

/**
 * The instruments of one engine. They are made when the application has booted, because `metrics` of the API
 * has no proxy: an instrument that is made before the SDK is registered reports nothing for ever.
 */
export class Meters {
  /** Attributes of every value. */
  private readonly ofEngine: Attributes;
  private readonly names = new KnownEventNames();
  private readonly handled: AllHandledSeries;
  private readonly outcomes: SavedOutcomes;
  private readonly meter: Meter = metrics.getMeter('nestjs-integration');

  private readonly sent = this.counter(M.sent, 'Events that were published.', '{message}');
  private readonly publishDuration = this.histogram(M.publishDuration, 'Time of publishing.', 's', SECONDS);
  private readonly duplicates = this.counter(M.duplicates, 'Events that were not done twice.', '{event}');
  private readonly leases = this.counter(
    M.leaseChanges,
    'Leases that were won, released or lost.',
    '{lease}',
  );
  private readonly wakeups = this.counter(M.wakeups, 'Wake-ups of consumers.', '{wakeup}');
  private readonly pages = this.histogram(M.pageEvents, 'Events in a page of the log.', '{event}', EVENTS);
  private readonly saves = this.histogram(M.saveEvents, 'Outcomes in a save.', '{event}', EVENTS);

  /**
   * @param integration the name of the engine, if it has one. It tells the metrics of several engines of one
   * process apart.
   * @param kept counts the durations of events, if the application wants that
   */
  constructor(
    gauges: () => ProcessGauges,
    integration?: string,
    private readonly kept?: IntegrationMetrics,
  ) {
    const own = integration === undefined ? {} : { [A.integration]: integration };
    this.ofEngine = { [A.system]: SYSTEM, ...own };
    const { meter, names, ofEngine } = this;
    this.handled = new AllHandledSeries({
      ofEngine,
      names,
      consumed: new ReadCounter(meter, M.consumed, 'Events that were given to handlers.', '{message}'),
      processDuration: this.durations(M.processDuration, 'Time of an attempt.', SECONDS),
      latency: this.durations(M.latency, 'Time from publishing to done, first deliveries.', LONG_SECONDS),
      duplicates: this.duplicates,
    });
    const outcomes = new ReadCounter(meter, M.outcomes, 'Outcomes of attempts, once saved.', '{event}');
    this.outcomes = new SavedOutcomes(outcomes, names, ofEngine);
    this.meter
      .createObservableUpDownCounter(M.handlersRunning, {
        description: 'Handlers that run now.',
        unit: '{handler}',
      })
      .addCallback((result) => result.observe(gauges().handlersRunning, own));
    this.meter
      .createObservableCounter(M.savesRefused, {
        description: 'Saves that were refused because another process had the lease.',
        unit: '{save}',
      })
      .addCallback((result) => result.observe(gauges().savesRefused, own));
  }

  /** Whether an SDK is registered. Otherwise nobody hears of anything. */
  get isHeard(): boolean {
    return this.meter !== createNoopMeter();
  }

  published(eventNames: readonly string[], seconds: number, duplicates: number): void {
    for (const name of eventNames) this.sent.add(1, this.ofPublishing(name));
    this.publishDuration.record(seconds, this.ofPublishing(eventNames[0]));
    if (duplicates > 0) this.duplicates.add(duplicates, { ...this.ofEngine, [A.operationName]: 'publish' });
  }

  publishFailed(eventNames: readonly string[], seconds: number, error: unknown): void {
    const attributes = { ...this.ofPublishing(eventNames[0]), [A.errorType]: errorTypeOf(error) };
    this.sent.add(Math.max(1, eventNames.length), attributes);
    this.publishDuration.record(seconds, attributes);
  }

  /** Called when a handler is called. The observer is for this attempt and others of its kind. */
  begun(attempt: HandledAttempt, partition: number): AttemptObserver {
    return this.handled.begun(attempt, partition);
  }

  saved(consumerName: string, eventName: string | undefined, outcome: string, events: number): void {
    this.outcomes.add(consumerName, eventName, outcome, events);
  }

  leaseChanged(consumerName: string, outcome: 'won' | 'released' | 'lost'): void {
    this.leases.add(1, { ...this.ofEngine, [A.consumer]: consumerName, [A.outcome]: outcome });
  }

  wokenUp(source: string): void {
    this.wakeups.add(1, { ...this.ofEngine, [A.reason]: source });
  }

  pageRead(consumerName: string, events: number): void {
    this.pages.record(events, { ...this.ofEngine, [A.consumer]: consumerName });
  }

  saveMade(consumerName: string, events: number): void {
    this.saves.record(events, { ...this.ofEngine, [A.consumer]: consumerName });
  }

  /** Reports values that come from the database, for as long as the process lives. */
  observeCluster(watch: ReadableCluster): void {
    new ClusterGauges(this.meter, this.ofEngine).observe(watch);
  }

  /** Reports a gauge of a part. `read` resolves to undefined if its values could not be read. */
  observePart(gauge: PartGauge, read: () => Promise<readonly GaugeValue[] | undefined>): void {
    observePart(this.meter, gauge, { ofEngine: this.ofEngine, read });
  }

  /** Makes the instruments for what parts count and time in this process. */
  measureParts(measures: PartMeasures): void {
    const instruments = {
      counterOf: ({ name, description, unit }: PartCounter) =>
        new ReadCounter(this.meter, name, description, unit),
      durationsOf: ({ name, description }: PartDurations) => this.durations(name, description, SECONDS),
    };
    measures.start(instruments, this.ofEngine);
  }

  private ofPublishing(eventName: string | undefined): Attributes {
    return {
      ...this.ofEngine,
      [A.operationName]: 'publish',
      ...(eventName === undefined ? {} : { [A.destination]: this.names.of(eventName) }),
    };
  }

  private counter(name: string, description: string, unit: string) {
    return this.meter.createCounter(name, { description, unit });
  }

  private histogram(name: string, description: string, unit: string, boundaries: number[]) {
    const advice = { explicitBucketBoundaries: boundaries };
    return this.meter.createHistogram(name, { description, unit, advice });
  }

  private durations(name: string, description: string, boundaries: number[]): Durations {
    return (
      this.kept?.durationsOf(name, description, boundaries) ??
      new ReportedDurations(this.histogram(name, description, 's', boundaries))
    );
  }
}
