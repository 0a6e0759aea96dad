import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { METRICS } from '../../src/telemetry/names.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { meteredEvent as event, METERED } from './metered.js';

let database: TestDatabase;
let app: TestApp;
let exporter: PrometheusExporter;
let meters: MeterProvider;
let server: Server;

beforeAll(async () => {
  database = await createTestDatabase();
  // The SDK is registered here, long after the package was imported.
  exporter = new PrometheusExporter({ preventServerStart: true });
  meters = new MeterProvider({ readers: [exporter] });
  metrics.setGlobalMeterProvider(meters);
  server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  app = await startApp(database, [METERED], { telemetry: { metrics: true } });
  await app.api.publishEvents([event('1'), event('2')]);
  await app.api.publishEvent(event('3', { deduplicationKey: 'once' }));
  await app.api.publishEvent(event('3', { deduplicationKey: 'once' }));
  await app.api.publishEvent(event('bad'));
  await expect(app.api.publishEvent(event('x', { payload: Number.NaN }))).rejects.toThrow();
  await untilConsumerSettled(database, 'metered');
  // The process has counted what it saved, and its first beat has come.
  await app.processor.drain();
  await database.pool.query(
    `INSERT INTO integration.integration_setting (key, value) VALUES ('maxAttempts', '-1')`,
  );
  await app.context.get(MaintenanceJob, { strict: false }).runRound();
  await until(
    'the process is counted',
    async () => (await sumOf('nestjs_integration_processes').catch(() => 0)) === 1,
  );
});
afterAll(async () => {
  await app.close();
  metrics.disable();
  await meters.shutdown();
  await new Promise((resolve) => server.close(resolve));
  await database.drop();
});

/** What a Prometheus server gets: the value of each series, by its name and labels. */
async function scrape(): Promise<Map<string, number>> {
  const { port } = server.address() as AddressInfo;
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** The sum of all series of this name whose labels hold all of these. */
async function sumOf(name: string, labels: Record<string, string> = {}): Promise<number> {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const series = [...(await scrape())].filter(
    ([key]) => key.startsWith(`${name}{`) && wanted.every((label) => key.includes(label)),
  );
  if (series.length === 0) throw new Error(`there is no series of ${name} with ${wanted.join(', ')}`);
  return series.reduce((sum, [, value]) => sum + value, 0);
}

describe('metrics', () => {
  it('are all there, although the SDK was registered after the package was imported', async () => {
    const names = [...(await scrape()).keys()];
    for (const metric of Object.values(METRICS)) {
      const prefix = metric.replaceAll('.', '_');
      expect([metric, names.some((name) => name.startsWith(prefix))]).toEqual([metric, true]);
    }
  });

  it('count what was published, refused and found to be a duplicate', async () => {
    const metered = { messaging_destination_name: 'metered' };
    expect(await sumOf('messaging_client_sent_messages_total', metered)).toBe(6);
    const refused = { ...metered, error_type: 'INTEGRATION_PAYLOAD_INVALID' };
    expect(await sumOf('messaging_client_sent_messages_total', refused)).toBe(1);
    expect(await sumOf('nestjs_integration_duplicates_prevented_total')).toBe(1);
  });

  it('count attempts by what they came to, and time them', async () => {
    const consumer = { messaging_consumer_group_name: 'metered' };
    expect(await sumOf('messaging_client_consumed_messages_total', consumer)).toBe(5);
    const failed = { ...consumer, error_type: 'RangeError' };
    expect(await sumOf('messaging_process_duration_count', failed)).toBe(2);
    expect(await sumOf('nestjs_integration_event_latency_count', consumer)).toBe(3);
    const outcome = (status: string) =>
      sumOf('nestjs_integration_consumer_outcomes_total', {
        ...consumer,
        nestjs_integration_outcome: status,
      });
    expect([await outcome('processed'), await outcome('retrying'), await outcome('dead_letter')]).toEqual([
      3, 1, 1,
    ]);
  });

  it('time from publishing to done is that of first deliveries', async () => {
    const consumer = { messaging_consumer_group_name: 'metered' };
    const latencies = () => sumOf('nestjs_integration_event_latency_count', consumer);
    const handled = () => sumOf('messaging_client_consumed_messages_total', consumer);
    const [timedBefore, handledBefore] = [await latencies(), await handled()];
    await app.consumers.replay('metered', { from: 1, to: 2 });
    await until('both are handled again', async () => (await handled()) === handledBefore + 2);
    await app.processor.drain();
    expect(await latencies()).toBe(timedBefore);
  });

  it('tell the state of the cluster', async () => {
    const consumer = { messaging_consumer_group_name: 'metered' };
    expect(await sumOf('nestjs_integration_consumer_dead_letters', consumer)).toBe(1);
    expect(await sumOf('nestjs_integration_consumer_backlog', consumer)).toBe(0);
    expect(await sumOf('nestjs_integration_processes')).toBe(1);
    expect(await sumOf('nestjs_integration_log_position')).toBeGreaterThanOrEqual(4);
  });

  it('tell what doctor has found, by severity, and do not ask it again', async () => {
    const found = (severity: string) =>
      sumOf('nestjs_integration_doctor_findings', { nestjs_integration_severity: severity });
    const lookedAt = async () =>
      (
        await database.pool.query(
          `SELECT done_at::text AS at FROM integration.integration_maintenance WHERE task = 'doctor'`,
        )
      ).rows;
    const before = await lookedAt();
    expect([await found('critical'), await found('warning')]).toEqual([0, 1]);
    expect(before).toHaveLength(1);
    await app.context.get(MaintenanceJob, { strict: false }).runRound();
    expect(await lookedAt()).toEqual(before);
  });

  it('have no label that grows with the events', async () => {
    for (const key of (await scrape()).keys())
      expect(key).not.toMatch(/message_id|conversation_id|position=/);
  });

  it.each(['docs/telemetry/grafana-dashboard.json', 'docs/telemetry/prometheus-rules.yml'])(
    'every series that %s names is in the scrape',
    async (file) => {
      const text = await readFile(file, 'utf8');
      const named = new Set(text.match(/\b(?:messaging|nestjs_integration)_[a-z_]+(?=\s*[{[)]|\s*[><=\s])/g));
      const there = new Set([...(await scrape()).keys()].map((key) => key.replace(/\{.*/s, '')));
      const labels = new Set(
        [...(await scrape()).keys()].flatMap((key) => key.match(/[a-z_]+(?==")/g) ?? []),
      );
      const missing = [...named].filter((name) => !there.has(name) && !labels.has(name));
      expect(named.size).toBeGreaterThan(5);
      expect(missing).toEqual([]);
    },
  );
});
