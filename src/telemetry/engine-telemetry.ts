import type { AttemptEnd, AttemptObserver, HandledAttempt } from './handled-message.js';
import { Meters, type ProcessGauges } from './meters.js';
import { Spans } from './spans.js';
import type { TelemetryOptions } from './telemetry-options.js';

/** Characters. Publishing refuses longer names, and they may be anything. */
const LONGEST_NAME = 255;

/** An event that is being published. It is not checked yet, so it may be anything. */
interface GivenEvent {
  readonly eventName: string;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What the engine tells OpenTelemetry. `isOn` is false if nobody asked for it, and then nothing else of this
 * class is called for an event.
 */
export class EngineTelemetry {
  readonly isOn: boolean;
  private readonly hasMetrics: boolean;
  private readonly spans: Spans | undefined;
  private metersOfRun: Meters | undefined;

  /** @param integration the name of the engine, if it has one */
  constructor(
    private readonly options: TelemetryOptions,
    private readonly integration?: string,
  ) {
    this.spans = options.spans === true ? new Spans(options) : undefined;
    this.hasMetrics = options.metrics !== undefined && options.metrics !== false;
    this.isOn = options.spans === true || this.hasMetrics;
  }

  get hasSpans(): boolean {
    return this.spans !== undefined;
  }

  /** Undefined if metrics are off, and before the application has booted. */
  get meters(): Meters | undefined {
    return this.metersOfRun;
  }

  /** Called once the application has booted, when its SDK is registered. */
  start(gauges: () => ProcessGauges): void {
    if (!this.hasMetrics) return;
    const { metrics } = this.options;
    const kept = typeof metrics === 'object' ? metrics : undefined;
    this.metersOfRun ??= new Meters(gauges, this.integration, kept);
  }

  /**
   * Follows the publishing of events. `publish` gets the events as they are to be published, and runs inside
   * the span whose context they carry.
   */
  async publish<E extends GivenEvent, R extends { readonly duplicate: boolean }>(
    events: readonly E[],
    publish: (events: readonly E[]) => Promise<R[]>,
  ): Promise<R[]> {
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1_000;
    const names = namesOf(events);
    try {
      const published = await (this.spans === undefined
        ? publish(events)
        : this.spans.publish(names, () => publish(this.withBaggage(events))));
      this.meters?.published(names, seconds(), published.filter(({ duplicate }) => duplicate).length);
      return published;
    } catch (error) {
      this.meters?.publishFailed(names, seconds(), error);
      throw error;
    }
  }

  /** The baggage of the caller does not replace one that an event brings along. */
  private withBaggage<E extends GivenEvent>(events: readonly E[]): readonly E[] {
    const baggage = this.spans?.baggage;
    if (baggage === undefined || !Array.isArray(events)) return events;
    return events.map((event) =>
      isObject(event) && (event.metadata === undefined || isObject(event.metadata))
        ? { ...event, metadata: { baggage, ...event.metadata } }
        : event,
    );
  }

  /**
   * Follows an attempt from its beginning. Undefined if there is nothing to follow: only metrics are on, and
   * the application has not booted yet.
   */
  begin(attempt: HandledAttempt, partition: number): AttemptObserver | undefined {
    const span = this.spans?.process(attempt, partition);
    const series = this.metersOfRun?.begun(attempt, partition);
    if (span === undefined || series === undefined) return span ?? series;
    return new SpanAndSeries(span, series);
  }
}

class SpanAndSeries implements AttemptObserver {
  readonly surrounds = true;

  constructor(
    private readonly span: AttemptObserver,
    private readonly series: AttemptObserver,
  ) {}

  run<R>(fn: () => R): R {
    return this.span.run(fn);
  }

  ended(attempt: HandledAttempt, end: AttemptEnd): void {
    this.series.ended(attempt, end);
    this.span.ended(attempt, end);
  }
}

/** The names of events as far as they are names. Publishing refuses the others. */
function namesOf(events: readonly GivenEvent[]): string[] {
  if (!Array.isArray(events)) return [];
  return events.flatMap((event) => {
    const name = isObject(event) ? event.eventName : undefined;
    return typeof name === 'string' && name.length <= LONGEST_NAME ? [name] : [];
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
