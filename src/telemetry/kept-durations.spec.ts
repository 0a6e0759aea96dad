import { describe, expect, it } from '@jest/globals';
import { type HistogramMetricData, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { IntegrationMetrics } from './integration-metrics.js';

const BOUNDARIES = [0.001, 0.01, 0.1, 1];

class OnDemandReader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

/** The histograms that a reader of the SDK finds, by name. */
async function collected(reader: MetricReader): Promise<Map<string, HistogramMetricData>> {
  const { resourceMetrics, errors } = await reader.collect();
  expect(errors).toEqual([]);
  const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  return new Map(all.map((metric) => [metric.descriptor.name, metric as HistogramMetricData]));
}

describe('durations that are kept', () => {
  it('are what a histogram of the SDK makes of the same values', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constantFrom(0, ...BOUNDARIES), fc.double({ min: 0, max: 10, noNaN: true })), {
          minLength: 1,
        }),
        async (values) => {
          const kept = new IntegrationMetrics();
          const reader = new OnDemandReader({ metricProducers: [kept] });
          const provider = new MeterProvider({ readers: [reader] });
          const histogram = provider
            .getMeter('test')
            .createHistogram('theirs', { advice: { explicitBucketBoundaries: BOUNDARIES } });
          const series = kept.durationsOf('ours', 'Ours.', BOUNDARIES).series({ a: '1' });
          for (const value of values) {
            histogram.record(value, { a: '1' });
            series.record(value);
          }
          const found = await collected(reader);
          const [ours] = found.get('ours')?.dataPoints ?? [];
          const [theirs] = found.get('theirs')?.dataPoints ?? [];
          expect(ours?.attributes).toEqual(theirs?.attributes);
          expect(ours?.value).toEqual(theirs?.value);
          await provider.shutdown();
        },
      ),
      { numRuns: 50 },
    );
  });

  it('have one series for the same attributes, whatever their order, and none before the first value', async () => {
    const kept = new IntegrationMetrics();
    const durations = kept.durationsOf('ours', 'Ours.', BOUNDARIES);
    durations.series({ a: '1', b: '2' }).record(1);
    kept.durationsOf('ours', 'Ours.', BOUNDARIES).series({ b: '2', a: '1' }).record(2);
    durations.series({ a: 'never' });
    const { resourceMetrics } = await kept.collect();
    const points = resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
    expect(points.map(({ attributes, value }) => [attributes, value.count, value.sum])).toEqual([
      [{ a: '1', b: '2' }, 2, 3],
    ]);
  });

  it('have at most 2,000 series; what comes then is in one of its own', async () => {
    const kept = new IntegrationMetrics();
    const durations = kept.durationsOf('ours', 'Ours.', BOUNDARIES);
    for (let n = 0; n < 2_010; n++) durations.series({ n }).record(1);
    const { resourceMetrics } = await kept.collect();
    const points = resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
    expect(points).toHaveLength(2_001);
    expect(points.find(({ attributes }) => attributes['otel.metric.overflow'])?.value.count).toBe(10);
  });
});
