// A process that sends requests to another system, and that passes a limit which several processes share.
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { answering, measured } from '../outgoing/asked-process.js';
import { atOnce, NETWORK } from '../outgoing/clients.js';
import type { Requests } from '../outgoing/protocol.js';
import { CREATE_ROW, TAKE_ROW } from './connectors.store.js';
import type { ConnectorCommands, Passed, Passing } from './protocol.js';

const connectionString = process.env.CONNECTORS_DATABASE_URL ?? '';
const TOKEN = 'Bearer a-token-of-the-benchmark';
const KEY = 'connection:bench';
/** Of the limit, what may come at once. */
const BURST = 0.1;

const dist = join(dirname(createRequire(import.meta.url).resolve('nestjs-integration/package.json')), 'dist');
const load = (file: string) => import(pathToFileURL(join(dist, file)).href);

// What these are has no public names.
const [
  { EngineDatabase },
  { runMigrations },
  { GateStore },
  { Gate },
  { HttpClients },
  { HttpMetrics },
  { WaysOut },
  { rate },
] = await Promise.all([
  load('database/engine-database.js'),
  load('database/migrations/migration-runner.js'),
  load('gate/gate.store.js'),
  load('gate/gate.js'),
  load('connectors/http/http-clients.js'),
  load('connectors/http/http-metrics.js'),
  load('connectors/http/ways-out.js'),
  load('connectors/http/http-limits.js'),
]);

await runMigrations({ connectionString });
const db = new EngineDatabase({ connectionString, schema: 'integration', max: 4 });
const pool = new pg.Pool({ connectionString, max: 4 });
await pool.query(CREATE_ROW);
const ways = new WaysOut();
const agent = new Agent({ keepAlive: true, maxFreeSockets: 1_000 });
let statements = 0;

function newGate(processes: number) {
  const store = new GateStore(db);
  const take = store.take.bind(store);
  return new Gate({
    store: Object.assign(store, {
      processes: async () => processes,
      take: (...given: unknown[]) => {
        statements++;
        return take(...given);
      },
    }),
    settings: () => ({ breakerFailures: 10, breakerOpenMs: 30_000 }),
    onFailure: (words: string) => console.error(words),
  });
}

const settings = () => ({
  timeoutMs: 30_000,
  maxAttempts: 4,
  maxInlineWaitMs: 5_000,
  maxResponseBytes: 10_485_760,
  breakerFailures: 10,
  breakerOpenMs: 30_000,
});
const clients = new HttpClients({
  gate: newGate(1),
  ways,
  metrics: new HttpMetrics({ count: () => {}, time: () => {} }),
  settings,
});

function clientOf(url: string) {
  const identity = {
    tenantId: 'bench',
    connectionId: 'bench',
    connector: 'bench',
    baseUrl: url,
    origins: [url],
    limits: [rate({ limit: 1_000_000, perMs: 1_000 })],
    network: NETWORK,
    authorize: async ({ headers }: { headers: Record<string, string> }) => {
      headers.authorization = TOKEN;
      return { generation: 1 };
    },
    renew: async () => false,
  };
  return clients.of(() => identity) as { post(path: string, options: object): Promise<unknown> };
}

const BODY = { total: 1_000, currency: 'EUR', lines: [{ article: 'a-1', count: 1, cents: 100 }] };

function bare(url: string): Promise<unknown> {
  const body = JSON.stringify(BODY);
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: TOKEN,
      'content-type': 'application/json',
      accept: 'application/json',
      'content-length': String(body.length),
    };
    const sent = request(`${url}/items`, { agent, method: 'POST', headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => resolve(JSON.parse(Buffer.concat(pieces).toString())));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Asks again and again, with so many at once, until the time is over. */
async function passing({ waiting, seconds }: Passing, pass: () => Promise<boolean>): Promise<Passed> {
  const moments: number[] = [];
  statements = 0;
  const until = performance.now() + seconds * 1_000;
  const { cpuMs } = await measured(async () => {
    const one = async () => {
      while (performance.now() < until)
        if (await pass()) moments.push(performance.timeOrigin + performance.now());
    };
    await Promise.all(Array.from({ length: waiting }, one));
  });
  return { moments, statements, cpuMs };
}

answering<ConnectorCommands>(
  {
    ready: async () => undefined,
    connection: async ({ url, count, inFlight }: Requests) => {
      const http = clientOf(url);
      return measured(() => atOnce(count, inFlight, () => http.post('/items', { json: BODY })));
    },
    bare: ({ url, count, inFlight }: Requests) => measured(() => atOnce(count, inFlight, () => bare(url))),
    gate: (given) => {
      const gate = newGate(given.processes);
      const burst = Math.floor(given.perSecond * BURST);
      const limit = { key: KEY, no: 1, kind: 'rate', limit: given.perSecond, perMs: 1_000, burst };
      const target = { key: KEY, others: [], limits: [limit] };
      return passing(given, async () => {
        const passed = await gate.pass(target, { waitMs: 30_000, probeMs: 1_000 });
        await passed.ended('worked');
        return true;
      });
    },
    row: (given) =>
      passing(given, async () => {
        statements++;
        const values = [1_000 / given.perSecond, Math.floor(given.perSecond * BURST)];
        const { rows } = await pool.query({ name: 'take_row', text: TAKE_ROW, values });
        const { ms } = rows[0] as { ms: number };
        if (ms > 0) await delay(ms);
        return true;
      }),
  },
  async () => {
    ways.close();
    agent.destroy();
    await Promise.all([db.close(), pool.end()]);
  },
);
