import type { Attributes, HrTime, ValueType } from '@opentelemetry/api';
import type { Durations } from './durations.js';
import { type HistogramValue, KeptDurations } from './kept-durations.js';

/** Values of enums of `@opentelemetry/sdk-metrics`, which is not a dependency of this package. */
const CUMULATIVE = 1;
const HISTOGRAM = 0;
const DOUBLE: ValueType.DOUBLE = 1;

/** A histogram as a reader of `@opentelemetry/sdk-metrics` takes it. */
export interface CollectedHistogram {
  descriptor: { name: string; description: string; unit: string; valueType: ValueType };
  aggregationTemporality: typeof CUMULATIVE;
  dataPointType: typeof HISTOGRAM;
  dataPoints: { startTime: HrTime; endTime: HrTime; attributes: Attributes; value: HistogramValue }[];
}

/** The readers of the SDK keep the resource of the SDK. They look at no other one. */
interface NoResource {
  attributes: Attributes;
  merge<R>(other: R | null): R;
  getRawAttributes(): [];
}

export interface CollectedMetrics {
  resourceMetrics: {
    resource: NoResource;
    scopeMetrics: { scope: { name: string }; metrics: CollectedHistogram[] }[];
  };
  errors: unknown[];
}

/**
 * Counts the durations of handled events in this process, and gives them to a reader of the SDK when it
 * collects. For a histogram of the SDK each event costs microseconds, which applications with tens of
 * thousands of events a second notice. Give one object as `telemetry.metrics` and as one of the
 * `metricProducers` of the reader. The values are cumulative, also for a reader that prefers deltas.
 */
export class IntegrationMetrics {
  private readonly startTime = now();
  private readonly histograms = new Map<
    string,
    { readonly description: string; readonly durations: KeptDurations }
  >();

  /** Called by the engine, which gives a name the same boundaries each time. */
  durationsOf(name: string, description: string, boundaries: readonly number[]): Durations {
    const kept = this.histograms.get(name) ?? { description, durations: new KeptDurations(boundaries) };
    this.histograms.set(name, kept);
    return kept.durations;
  }

  /** Called by a reader of the SDK. */
  async collect(): Promise<CollectedMetrics> {
    const { startTime } = this;
    const endTime = now();
    const metrics = [...this.histograms].map(
      ([name, { description, durations }]): CollectedHistogram => ({
        descriptor: { name, description, unit: 's', valueType: DOUBLE },
        aggregationTemporality: CUMULATIVE,
        dataPointType: HISTOGRAM,
        dataPoints: Array.from(durations.read(), (point) => ({ startTime, endTime, ...point })),
      }),
    );
    const scopeMetrics = [{ scope: { name: 'nestjs-integration' }, metrics }];
    return { resourceMetrics: { resource: NO_RESOURCE, scopeMetrics }, errors: [] };
  }
}

const NO_RESOURCE: NoResource = {
  attributes: {},
  merge: <R>(other: R | null) => other ?? (NO_RESOURCE as R),
  getRawAttributes: () => [],
};

function now(): HrTime {
  const ms = Date.now();
  return [Math.trunc(ms / 1_000), (ms % 1_000) * 1_000_000];
}
