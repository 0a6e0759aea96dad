import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import ts from 'typescript';
import { run } from '../../src/cli/run.js';
import {
  DoctorService,
  EventSubscriberRegistry,
  IntegrationSettingsService,
  OperationService,
} from '../../src/index.js';
import { type AdminApp, PLATFORMS, startAdminApp } from '../admin/admin-app.js';
import { ROOT } from '../support/pages.js';
import { FILES_OF_PART, type WrittenPart, writePart } from '../support/part-of-contributing.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

/* The part is made of the text of CONTRIBUTING.md, so a reader who follows the text gets what these tests show. */

const LATE = '5f0c3a52-4c0e-4f6e-9f0a-6f6f6f6f6f01';
const FRESH = '5f0c3a52-4c0e-4f6e-9f0a-6f6f6f6f6f02';
const UNKNOWN = '5f0c3a52-4c0e-4f6e-9f0a-6f6f6f6f6f03';

let database: TestDatabase;
let part: WrittenPart;
let app: AdminApp | undefined;

beforeAll(async () => {
  part = await writePart();
  database = await createTestDatabase();
  await database.pool.query(part.migration);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(async () => {
  part.remove();
  await database.drop();
});

async function withParcels(): Promise<void> {
  await database.pool.query('DELETE FROM integration.parcel');
  await database.pool.query(
    `INSERT INTO integration.parcel (id, seen_at) VALUES ($1, now() - interval '9 days'), ($2, now())`,
    [LATE, FRESH],
  );
}

describe('a part that is made of the text of CONTRIBUTING', () => {
  it('is accepted by the compiler', () => {
    const source = [...FILES_OF_PART].filter(([name]) => name.startsWith('src/'));
    const files = new Map(source.map(([name, text]) => [join(ROOT, name), text]));
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const host = ts.createCompilerHost({ ...options, noEmit: true });
    const { fileExists, readFile, getSourceFile } = host;
    host.fileExists = (path) => files.has(path) || fileExists.call(host, path);
    host.readFile = (path) => files.get(path) ?? readFile.call(host, path);
    host.getSourceFile = (path, how, ...rest) => {
      const text = files.get(path);
      return text === undefined
        ? getSourceFile.call(host, path, how, ...rest)
        : ts.createSourceFile(path, text, how);
    };
    host.directoryExists = (path) =>
      [...files.keys()].some((file) => dirname(file) === path) || ts.sys.directoryExists(path);
    const program = ts.createProgram(
      // The rooms that add a property to what a part brings are among what it loads.
      [...files.keys(), join(ROOT, 'src/bin/main.ts')],
      { ...options, noEmit: true, incremental: false },
      host,
    );
    const problems = [...files.keys()].flatMap((path) => {
      const file = program.getSourceFile(path);
      return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
        ({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    });
    expect(problems).toEqual([]);
  }, 120_000);

  it.each(PLATFORMS)(
    'has a route with a permission, and an error of its own with a status, on %s',
    async (platform) => {
      await withParcels();
      const asked: string[] = [];
      const permission = (_: unknown, action: string) => asked.push(action) > 0;
      app = await startAdminApp(database, {
        platform,
        admin: { permission },
        module: { imports: [part.module] },
      });
      const found = await app.ask(`parcels/${LATE}`);
      expect(found).toMatchObject({ status: 200, json: { id: LATE, returnedAt: null } });
      expect(asked).toEqual(['parcels.read']);
      expect(await app.ask(`parcels/${UNKNOWN}`)).toMatchObject({
        status: 404,
        json: { code: 'INTEGRATION_PARCEL_UNKNOWN', detail: `There is no parcel ${UNKNOWN}.` },
      });
      const { json } = await app.ask('session');
      expect(json.parts).toEqual(['parcels']);
      expect(json.actions).toContain('parcels.read');
    },
  );

  it('is guarded as the rest of the admin API is, and is below the same prefix', async () => {
    app = await startAdminApp(database, {
      module: { imports: [part.module] },
      prepare: (made) => made.setGlobalPrefix('api'),
    });
    const answer = await fetch(`${app.url}/api/ops/integration/parcels/${LATE}`);
    expect(answer.status).toBe(401);
    expect((await app.ask(`parcels/${FRESH}`, { base: '/api/ops/integration' })).status).toBe(200);
  });

  it('is not there in an application that does not import its module', async () => {
    app = await startAdminApp(database);
    expect((await app.ask(`parcels/${LATE}`)).status).toBe(404);
    const { json } = await app.ask('session');
    expect(json.parts).toEqual([]);
    expect(json.actions).not.toContain('parcels.read');
  });

  it('has a setting, which its check of doctor follows', async () => {
    await withParcels();
    app = await startAdminApp(database, { module: { imports: [part.module] } });
    const settings = app.app.get(IntegrationSettingsService, { strict: false });
    const doctor = app.app.get(DoctorService, { strict: false });
    const findingsOf = async () => {
      const { findings } = await doctor.examine();
      return findings.filter(({ check }) => check === 'parcel-late').map(({ finding }) => finding);
    };
    expect(await findingsOf()).toEqual([`Parcel ${LATE} has not been seen for 7 days.`]);
    await settings.set('core.integration.parcels.quietDays', 10, 'test');
    expect(await findingsOf()).toEqual([]);
    await settings.reset('core.integration.parcels.quietDays', 'test');
  });

  it('has a gauge', async () => {
    await withParcels();
    const exporter = new PrometheusExporter({ preventServerStart: true });
    const meters = new MeterProvider({ readers: [exporter] });
    metrics.setGlobalMeterProvider(meters);
    try {
      app = await startAdminApp(database, {
        engine: { telemetry: { metrics: true } },
        module: { imports: [part.module] },
      });
      const { resourceMetrics } = await exporter.collect();
      const gauges = resourceMetrics.scopeMetrics.flatMap(({ metrics: all }) => all);
      const late = gauges.find(({ descriptor }) => descriptor.name === 'nestjs_integration.parcels.late');
      expect(late?.dataPoints.map(({ value }) => value)).toEqual([1]);
    } finally {
      metrics.disable();
      await meters.shutdown();
    }
  });

  it('has a kind of operations, which is planned, run and worked off', async () => {
    await withParcels();
    // Processes that work on consumers work operations off.
    @Injectable()
    class Feature implements OnModuleInit {
      constructor(@Inject(EventSubscriberRegistry) private readonly registry: EventSubscriberRegistry) {}

      onModuleInit(): void {
        this.registry.registerAt('shop', {
          consumerName: 'billing',
          eventName: 'order.*',
          handler: async () => {},
        });
      }
    }
    app = await startAdminApp(database, {
      engine: { role: 'all' },
      module: { imports: [part.module], providers: [Feature] },
    });
    const operations = app.app.get(OperationService, { strict: false });
    const request = { kind: 'parcels.return', filter: { days: 7 }, by: 'ann' } as never;
    const planned = await operations.plan(request);
    expect(planned).toMatchObject({ kind: 'parcels.return', state: 'planned', plannedEvents: 1 });
    await operations.run(planned.id, { by: 'ann' });
    await until('it is done', async () => (await operations.get(planned.id)).state === 'done');
    const { json } = await app.ask(`parcels/${LATE}`);
    expect(json.returnedAt).not.toBeNull();
    expect((await app.ask(`operations/${planned.id}`)).json).toMatchObject({
      changed: 1,
      requestedBy: 'ann',
    });
  });

  it('has a command, which stands in the usage', async () => {
    await withParcels();
    const shown = await command(['parcels', 'show', LATE]);
    expect(shown.status).toBe(0);
    expect(shown.text).toMatch(/^Seen +\d{4}-\d\d-\d\dT[\d:]{8}Z\nReturned +-\n$/);
    expect((await command(['parcels', 'show', UNKNOWN])).status).toBe(2);
    expect((await command(['--help'])).text).toContain('parcels show <parcel>');
  });
});

async function command(words: readonly string[]): Promise<{ status: number; text: string }> {
  let text = '';
  const status = await run(
    [...words, ...(words.includes('--help') ? [] : ['--database-url', database.url])],
    {
      folder: '/nonexistent',
      environment: {},
      isFollowed: false,
      terminal: undefined,
      screen: () => undefined,
      interruptible: (work) => work(new AbortController().signal),
      writeResult: (written) => {
        text += written;
      },
      writeRemark: () => {},
    },
    [part.extension],
  );
  return { status, text };
}
