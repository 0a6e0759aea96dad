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
  // A reading of the database that is given again would tell of what was before.
  app = await startApp(database, [METERED], { telemetry: { metrics: true } }, { readingKeptMs: 0 });
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
  // What comes from the database is left out where it does not answer within two seconds.
  const text = await until('the database has answered in time', async () => {
    const scraped = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return scraped.includes('nestjs_integration_log_position{') && scraped;
  });
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
    const names = new Set([...(await scrape()).keys()].map((key) => key.split('{', 1)[0]));
    for (const metric of Object.values(METRICS)) {
      const name = metric.replaceAll('.', '_');
      const isThere = ['', '_total', '_bucket'].some((ending) => names.has(name + ending));
      expect([metric, isThere]).toEqual([metric, true]);
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
    await app.consumers.replayAtOnce('metered', { from: 1, to: 2 });
    await until('both are handled again', async () => (await handled()) === handledBefore + 2);
    await app.processor.drain();
    expect(await latencies()).toBe(timedBefore);
  });

  it('tell the state of the cluster', async () => {
    const consumer = { messaging_consumer_group_name: 'metered' };
    expect(await sumOf('nestjs_integration_consumer_dead_letters', consumer)).toBe(1);
    expect(await sumOf('nestjs_integration_consumer_backlog', consumer)).toBe(0);
    expect(await sumOf('nestjs_integration_consumer_paused', consumer)).toBe(0);
    expect(await sumOf('nestjs_integration_processes')).toBe(1);
    expect(await sumOf('nestjs_integration_processes_handling')).toBe(1);
    expect(await sumOf('nestjs_integration_reading_age')).toBeGreaterThanOrEqual(0);
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

  it.each([
    ['dashboard', dashboardExpressions, 15],
    ['rules', ruleExpressions, 10],
  ] as const)(
    'every series and label that the %s names is in the scrape',
    async (_, expressionsOf, least) => {
      const labelsOf = new Map<string, Set<string>>();
      for (const key of (await scrape()).keys()) {
        const [name = ''] = key.split('{', 1);
        const labels = labelsOf.get(name) ?? new Set();
        for (const label of key.match(/[a-z_]+="[^"]*"/g) ?? []) labels.add(label);
        labelsOf.set(name, labels);
      }
      const expressions = await expressionsOf();
      expect(expressions.length).toBeGreaterThanOrEqual(least);
      for (const { expression, texts } of expressions) {
        const series = seriesOf(expression);
        expect([expression, series.length > 0]).toEqual([expression, true]);
        for (const { name, matchers } of series) {
          const there = [...(labelsOf.get(name) ?? [])];
          expect([name, there.length > 0]).toEqual([name, true]);
          // Matchers choose something of what is there, and what is grouped by is a label of the series.
          for (const [label, operator, value] of matchers)
            expect([name, label, there.some((each) => isMatched(each, label, operator, value))]).toEqual([
              name,
              label,
              true,
            ]);
          for (const label of groupingOf(expression).filter((each) => each !== OF_INTEGRATIONS))
            expect([name, label, there.some((each) => each.startsWith(`${label}="`))]).toEqual([
              name,
              label,
              true,
            ]);
        }
        const shown = [...texts.matchAll(/\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}/g)].map(
          ([, label]) => label,
        );
        expect(shown.filter((label) => !groupingOf(expression).includes(label ?? ''))).toEqual([]);
      }
    },
  );
});

interface Expression {
  readonly expression: string;
  /** What is shown beside it, with labels in it. */
  readonly texts: string;
}

async function dashboardExpressions(): Promise<Expression[]> {
  const { panels } = JSON.parse(await readFile('docs/telemetry/grafana-dashboard.json', 'utf8')) as {
    panels: { targets?: { expr: string; legendFormat?: string }[] }[];
  };
  return panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr, legendFormat = '' }) => ({ expression: expr, texts: legendFormat })),
  );
}

async function ruleExpressions(): Promise<Expression[]> {
  const text = await readFile('docs/telemetry/prometheus-rules.yml', 'utf8');
  const alerts = text.split('- alert: ').slice(1);
  return alerts.map((alert) => ({
    expression: /^ +expr: (.*)$/m.exec(alert)?.[1] ?? '',
    texts: /^ +summary: (.*)$/m.exec(alert)?.[1] ?? '',
  }));
}

/** Only an integration with a name has this label: see several-databases.spec.ts. */
const OF_INTEGRATIONS = 'nestjs_integration_name';

const GROUPING = /\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g;

/** The labels that an expression groups by, apart from the one that histograms have. */
function groupingOf(expression: string): string[] {
  const lists = [...expression.matchAll(GROUPING)].map(([, list = '']) => list.split(','));
  return [...new Set(lists.flat().map((label) => label.trim()))].filter((label) => label !== 'le');
}

/** Every series that an expression names: each word that is no function, operator, label or duration. */
function seriesOf(expression: string) {
  const words = expression
    .replace(GROUPING, ' ')
    .matchAll(/([A-Za-z_:][\w:]*)(\s*\{([^}]*)\})?(?!\s*\()(?![\w:])/g);
  return [...words]
    .map(([, name = '', , inner = '']) => ({
      name,
      matchers: [...inner.matchAll(/([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
        ([, label = '', operator = '', value = '']) => [label, operator, value] as const,
      ),
    }))
    .filter(({ name }) => !/^(and|or|unless|max|min|sum|avg|count|m|s|h)$/.test(name));
}

function isMatched(label: string, name: string, operator: string, value: string): boolean {
  if (!label.startsWith(`${name}="`)) return false;
  const given = label.slice(name.length + 2, -1);
  if (operator.endsWith('~')) return new RegExp(`^(?:${value})$`).test(given) === (operator === '=~');
  return (given === value) === (operator === '=');
}
