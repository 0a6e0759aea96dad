import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { metrics } from '@opentelemetry/api';
import { type DataPoint, type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { IntegrationMetrics } from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { METRICS } from '../../src/telemetry/names.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { METERED, meteredEvent } from './metered.js';

class OnDemandReader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

const kept = new IntegrationMetrics();
let database: TestDatabase;
let app: TestApp;
let reader: OnDemandReader;
let meters: MeterProvider;

beforeEach(async () => {
  database = await createTestDatabase();
  reader = new OnDemandReader({ metricProducers: [kept] });
  meters = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(meters);
  app = await startApp(database, [METERED], { telemetry: { metrics: kept } });
});
afterEach(async () => {
  await app.close();
  metrics.disable();
  await meters.shutdown();
  await database.drop();
});

describe('an IntegrationMetrics', () => {
  it('has the durations of events, and the SDK has everything else, each of them once', async () => {
    await app.api.publishEvents(['1', '2', 'bad'].map((aggregateId) => meteredEvent(aggregateId)));
    await untilConsumerSettled(database, 'metered');
    // The process has counted what it saved.
    await app.processor.drain();
    // What doctor finds is known when it has looked.
    await app.context.get(MaintenanceJob, { strict: false }).runRound();
    // What comes from the database is left out where it does not answer within two seconds.
    const found = await until('the database has answered in time', async () => {
      const { resourceMetrics } = await reader.collect();
      const collected = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
      return collected.some(({ descriptor }) => descriptor.name === METRICS.logPosition) && collected;
    });
    const names = found.map(({ descriptor }) => descriptor.name).filter((name) => !name.startsWith('otel.'));
    expect(new Set(names).size).toBe(names.length);
    const absent = new Set<string>([METRICS.duplicates, METRICS.publishDuration]);
    const missing = Object.values(METRICS).filter((name) => !names.includes(name) && !absent.has(name));
    expect(missing).toEqual([]);
    const counts = (name: string) =>
      found
        .filter(({ descriptor }) => descriptor.name === name)
        .flatMap(({ dataPoints }) => dataPoints as readonly DataPoint<number | Histogram>[])
        .map(({ attributes, value }) => [
          attributes['nestjs_integration.outcome'],
          attributes['error.type'],
          typeof value === 'number' ? value : value.count,
        ])
        .sort();
    expect(counts(METRICS.processDuration)).toEqual([
      ['dead', 'RangeError', 1],
      ['processed', undefined, 2],
      ['retry', 'RangeError', 1],
    ]);
    expect(counts(METRICS.latency)).toEqual([[undefined, undefined, 2]]);
  });
});
