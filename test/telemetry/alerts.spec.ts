import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { type IntegrationModuleOptions, NonRetryableError, PostponeError } from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { type Gate, gate } from '../support/gate.js';
import { pauseAndWait } from '../support/pause.js';
import { BEATS, startStatementProxy } from '../support/statement-proxy.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { evaluate, type Result, type Sample, type Scrape, samplesOf } from './promql.js';

/*
 * The condition of each alert is brought about, and its expression is evaluated over what an exporter gives. The times of the
 * scrapes are made up, so that nobody waits for a quarter of an hour. Where the age of something open counts, the limit is lower.
 */
const RULES = new Map(
  readFileSync(join(import.meta.dirname, '../../docs/telemetry/prometheus-rules.yml'), 'utf8')
    .split('- alert: ')
    .slice(1)
    .map((alert) => [alert.split('\n', 1)[0] ?? '', /^ +expr: (.*)$/m.exec(alert)?.[1] ?? '']),
);

const BILLING = 'billing';
/** A reading is never this old where the database answers. */
const LONG_SECONDS = 1;

/** A process with metrics. Each has an SDK of its own, as processes have. */
interface Host {
  readonly app: TestApp;
  scrape(): Promise<Sample[]>;
  close(): Promise<void>;
}

let database: TestDatabase;
let hosts: Host[];
let opened: { close(): Promise<void> }[];
let scrapes: Scrape[];
let held: Gate;
/** What the handler of `billing` does with an event. */
let handle: (aggregateId: string) => unknown;

const SUBSCRIBER: AnySubscriberDefinition = {
  eventName: 'order.placed',
  consumerName: BILLING,
  retry: { maxAttempts: 2, baseDelayMs: 3_600_000, maxDelayMs: 3_600_000 },
  handler: async ({ aggregateId }) => {
    await handle(aggregateId);
  },
};

beforeEach(async () => {
  database = await createTestDatabase();
  [hosts, opened, scrapes] = [[], [], []];
  held = gate();
  handle = () => {};
});
afterEach(async () => {
  held.open();
  // What closes waits for its connections, so those that are silent end first.
  for (const each of opened) await each.close();
  for (const each of hosts) await each.close();
  await database.drop();
});

async function host(
  subscribers: AnySubscriberDefinition[] = [SUBSCRIBER],
  options: IntegrationModuleOptions = {},
): Promise<Host> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meters = new MeterProvider({ readers: [exporter] });
  metrics.disable();
  metrics.setGlobalMeterProvider(meters);
  const app = await startApp(
    database,
    subscribers,
    { telemetry: { metrics: true }, ...options },
    { readingKeptMs: 0 },
  );
  const server: Server = createServer((request, response) =>
    exporter.getMetricsRequestHandler(request, response),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let isOpen = true;
  const made: Host = {
    app,
    scrape: async () => {
      const { port } = server.address() as AddressInfo;
      return samplesOf(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
    },
    close: async () => {
      if (!isOpen) return;
      isOpen = false;
      await app.close();
      metrics.disable();
      await meters.shutdown();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  hosts.push(made);
  return made;
}

/** Reads the metrics of these processes, as at this second. */
async function scrapeAt(at: number, ...of: Host[]): Promise<void> {
  const samples: Sample[] = [];
  for (const [instance, each] of of.entries())
    for (const sample of await each.scrape())
      samples.push({ ...sample, labels: { ...sample.labels, instance: String(instance) } });
  scrapes = [...scrapes.filter((each) => each.at !== at), { at, samples }];
}

/** What an alert is about, by its expression as it stands, or with another limit in it. */
function raised(alert: string, [from, to]: readonly [string, string] = ['', '']): Result[] {
  const expression = RULES.get(alert) ?? '';
  if (!expression.includes(from)) throw new Error(`${alert} has no ${from}`);
  return evaluate(expression.replace(from, to), scrapes);
}

/** Reads again, as at this second, until the alert is raised, or until it is not any more. */
async function untilRaised(
  alert: string,
  isRaised: boolean,
  at: number,
  of: Host[],
  limit?: readonly [string, string],
): Promise<Result[]> {
  return until(`${alert} is ${isRaised ? '' : 'not '}raised`, async () => {
    await scrapeAt(at, ...of);
    const results = raised(alert, limit);
    return results.length > 0 === isRaised && results;
  });
}

const publish = ({ app }: Host, many: number, first = 0) =>
  app.api.publishEvents(
    Array.from({ length: many }, (_, each) => ({
      eventName: 'order.placed',
      sourceModule: 'shop',
      aggregateType: 'order',
      aggregateId: String(first + each),
    })),
  );

const age = (by: string) =>
  database.pool.query(
    `UPDATE integration.outbox_event SET created_at = clock_timestamp() - $1::text::interval`,
    [by],
  );

const ofBilling = (value: unknown) => [
  { labels: { messaging_consumer_group_name: BILLING }, value: value as number },
];

describe('no alert is raised', () => {
  it('right after the start, nor while everything is quiet', async () => {
    const one = await host();
    await scrapeAt(0, one);
    const atOnce = [...RULES.keys()].filter((alert) => raised(alert).length > 0);
    // It has not written its first row yet, and the alert waits for two minutes.
    expect(atOnce.filter((alert) => alert !== 'IntegrationNoProcess')).toEqual([]);
    await publish(one, 3);
    await one.app.processor.drain();
    await untilRaised('IntegrationNoProcess', false, 60, [one]);
    await one.app.context.get(MaintenanceJob, { strict: false }).runRound();
    // A scrape without the answer of a slow database says that there is no process.
    await untilRaised('IntegrationNoProcess', false, 900, [one]);
    expect([...RULES.keys()].filter((alert) => raised(alert).length > 0)).toEqual([]);
  });
});

describe('an alert is raised, and ends,', () => {
  it('IntegrationConsumerLag: where an event waits in the log', async () => {
    handle = () => held.opened;
    const one = await host();
    await publish(one, 1);
    await age('10 minutes');
    expect(await untilRaised('IntegrationConsumerLag', true, 0, [one])).toEqual(
      ofBilling(expect.closeTo(600, -3)),
    );
    held.open();
    await untilRaised('IntegrationConsumerLag', false, 60, [one]);
  });

  it('IntegrationConsumerLag: where an event fails again and again, and until its consumer is gone', async () => {
    handle = () => {
      throw new Error('the receiver is down');
    };
    const one = await host();
    await publish(one, 1);
    await until('it is tried again in an hour', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM integration.inbox_event WHERE status = 'failed'`,
      );
      return rows.length === 1;
    });
    await age('10 minutes');
    const other = await host([], { role: 'publisher' });
    await untilRaised('IntegrationConsumerLag', true, 0, [other]);
    await one.close();
    await database.pool.query(`DELETE FROM integration.inbox_event`);
    await database.pool.query(`DELETE FROM integration.inbox_cursor`);
    await untilRaised('IntegrationConsumerLag', false, 60, [other]);
  });

  it('IntegrationConsumerLag: not for an event that is put off, before it is due', async () => {
    handle = () => {
      throw new PostponeError(3_600_000, 'not before the evening');
    };
    const one = await host();
    await publish(one, 1);
    await until('it is put off', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM integration.inbox_event WHERE postponed_since IS NOT NULL`,
      );
      return rows.length === 1;
    });
    await age('10 minutes');
    await untilRaised('IntegrationNoProcess', false, 0, [one]);
    expect(raised('IntegrationConsumerLag')).toEqual([]);
    await pauseAndWait(one.app.consumers, BILLING);
    await database.pool.query(
      `UPDATE integration.inbox_event SET available_at = clock_timestamp() - interval '6 minutes'`,
    );
    const limit = [' unless', ' or nothing unless'] as const;
    expect(await untilRaised('IntegrationConsumerLag', true, 60, [one], limit)).toEqual(
      ofBilling(expect.closeTo(360, -2)),
    );
  });

  it('IntegrationConsumerPaused, and not the alerts about its lag and its backlog', async () => {
    const one = await host();
    await pauseAndWait(one.app.consumers, BILLING, { by: 'mo' });
    await untilRaised('IntegrationConsumerPaused', true, 0, [one]);
    await publish(one, 1_200);
    await age('10 minutes');
    await until('the events are seen', async () => {
      await scrapeAt(900, one);
      return evaluate('nestjs_integration_consumer_backlog > 1000', scrapes).length > 0;
    });
    expect([raised('IntegrationConsumerLag'), raised('IntegrationBacklogGrows')]).toEqual([[], []]);
    await one.app.consumers.resume(BILLING);
    await untilRaised('IntegrationConsumerPaused', false, 960, [one]);
  });

  it('IntegrationDeadLetters: with the dead letters of all partitions', async () => {
    handle = () => {
      throw new NonRetryableError('the receiver is down');
    };
    const one = await host([{ ...SUBSCRIBER, partitions: 4 }]);
    await publish(one, 12);
    const all = await until('all are dead', async () => {
      const found = await untilRaised('IntegrationDeadLetters', true, 0, [one]);
      return found[0]?.value === 12 && found;
    });
    expect(all).toEqual(ofBilling(12));
    handle = () => {};
    await one.app.consumers.redrive({ consumerName: BILLING });
    await untilRaised('IntegrationDeadLetters', false, 60, [one]);
  });

  it('IntegrationBacklogGrows', async () => {
    handle = () => held.opened;
    const one = await host();
    await publish(one, 600);
    await until('600 wait', async () => {
      await scrapeAt(0, one);
      return evaluate('nestjs_integration_consumer_backlog > 500', scrapes).length > 0;
    });
    expect(raised('IntegrationBacklogGrows')).toEqual([]);
    await publish(one, 600, 600);
    expect(await untilRaised('IntegrationBacklogGrows', true, 900, [one])).toEqual(
      ofBilling(expect.any(Number)),
    );
    held.open();
    await untilRaised('IntegrationBacklogGrows', false, 960, [one]);
  });

  it('IntegrationOpenTransaction', async () => {
    const one = await host();
    const limit = ['> 60', '> 0'] as const;
    const client = await database.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('LOCK TABLE integration.outbox_event IN ROW EXCLUSIVE MODE');
      await untilRaised('IntegrationOpenTransaction', true, 0, [one], limit);
      expect(raised('IntegrationOpenTransaction')).toEqual([]);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
    await untilRaised('IntegrationOpenTransaction', false, 60, [one], limit);
  });

  it('IntegrationPublishingFails: with the code', async () => {
    const one = await host();
    await one.app.settings.set('enabled', false, 'mo');
    await expect(publish(one, 1)).rejects.toThrow();
    await scrapeAt(0, one);
    expect(raised('IntegrationPublishingFails')).toEqual([]);
    await expect(publish(one, 1)).rejects.toThrow();
    await scrapeAt(60, one);
    const labels = { messaging_destination_name: 'order.placed', error_type: 'INTEGRATION_OUTBOX_DISABLED' };
    expect(raised('IntegrationPublishingFails')).toEqual([{ labels, value: 1 / 60 }]);
    await scrapeAt(120, one);
    await scrapeAt(420, one);
    expect(raised('IntegrationPublishingFails')).toEqual([]);
  });

  it('IntegrationNoProcess: although a process that only publishes reports', async () => {
    const [publisher, worker] = [await host([], { role: 'publisher' }), await host()];
    await untilRaised('IntegrationNoProcess', false, 0, [publisher, worker]);
    await worker.close();
    expect(await untilRaised('IntegrationNoProcess', true, 60, [publisher])).toEqual([
      { labels: {}, value: 0 },
    ]);
    await scrapeAt(120);
    expect(raised('IntegrationNoProcess')).toEqual([{ labels: {}, value: 1 }]);
  });

  it('IntegrationNoProcess: while processing is switched off', async () => {
    const one = await host();
    await untilRaised('IntegrationNoProcess', false, 0, [one]);
    await one.app.settings.set('processor.enabled', false, 'mo');
    await untilRaised('IntegrationNoProcess', true, 60, [one]);
    await one.app.settings.reset('processor.enabled', 'mo');
    await untilRaised('IntegrationNoProcess', false, 120, [one]);
  });

  it('IntegrationDatabaseUnreachable: and the other metrics of the process are there', async () => {
    const proxy = await startTcpProxy(database.url);
    opened.push(proxy);
    const one = await host([SUBSCRIBER], { connectionString: proxy.url });
    await untilRaised('IntegrationNoProcess', false, 0, [one]);
    proxy.silence();
    const limit = ['> 60', `> ${LONG_SECONDS}`] as const;
    await untilRaised('IntegrationDatabaseUnreachable', true, 60, [one], limit);
    expect(evaluate('nestjs_integration_handlers_running', scrapes)).toHaveLength(1);
  });

  it('IntegrationSavesRefused', async () => {
    handle = () => held.opened;
    const wire = await startStatementProxy(database.url);
    opened.push(wire);
    const one = await host([{ ...SUBSCRIBER, partitions: 4 }], { connectionString: wire.url });
    await publish(one, 40);
    // Of 40 events, three of the partitions run at most 28 at once, ten of them each.
    const running = () => evaluate('nestjs_integration_handlers_running > 28', scrapes).length > 0;
    await until('handlers of each partition run', async () => {
      await scrapeAt(0, one);
      return running();
    });
    const beats = wire.hold(BEATS);
    await beats.reached;
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_token = gen_random_uuid(), lease_owner = gen_random_uuid(),
         lease_expires_at = clock_timestamp() + interval '1 hour'`,
    );
    held.open();
    await untilRaised('IntegrationSavesRefused', true, 600, [one]);
    beats.letGo();
    await scrapeAt(1_800, one);
    expect(raised('IntegrationSavesRefused')).toEqual([]);
  });

  it('IntegrationDoctorFinding', async () => {
    const one = await host();
    await publish(one, 3);
    const look = async () => {
      await database.pool.query(`DELETE FROM integration.integration_maintenance WHERE task = 'doctor'`);
      await one.app.context.get(MaintenanceJob, { strict: false }).runRound();
    };
    await database.pool.query(
      `SELECT setval(pg_get_serial_sequence('integration.outbox_event', 'position'), 1)`,
    );
    await look();
    expect(await untilRaised('IntegrationDoctorFinding', true, 0, [one])).toEqual([{ labels: {}, value: 1 }]);
    await database.pool.query(
      `SELECT setval(pg_get_serial_sequence('integration.outbox_event', 'position'), 100)`,
    );
    await look();
    await untilRaised('IntegrationDoctorFinding', false, 360, [one]);
  });
});
