import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  DoctorService,
  type DomainEvent,
  type IntegrationModuleOptions,
  type SubscriberContext,
} from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { LIBRARIES } from './libraries.js';
import type { OpenLibrary } from './tried-library.js';

// Each test waits for connections of ten libraries, which takes its time on a busy machine.
jest.setTimeout(180_000);

/** The deadline of handlers. It is longer where the machine is busy, because all of them must begin before it. */
const DEADLINE_MS = 4_000;
const STATEMENTS_OF_A_BEGINNING = 20;
/** No handler is given up at this deadline while a test runs. */
const NEVER_MS = 600_000;
const INSERT = 'INSERT INTO effect (consumer, event_id, note) VALUES ($1, $2, $2)';
const REFUSALS = ['INTEGRATION_TRANSACTION_ABORTED', 'INTEGRATION_CLIENT_INVALID'];
/** What these show of their pool is not enough to tell its size. The engine takes it for one of ten. */
const SILENT = ['Kysely', 'Prisma'];

/** A client of the host, with a pool of its own. */
interface HostWithPool {
  readonly client: NonNullable<IntegrationModuleOptions['client']>;
  write(transaction: object, note: string): PromiseLike<unknown>;
  /** A statement that needs a connection of the pool. */
  ask(): PromiseLike<unknown>;
  close(): Promise<unknown>;
}

let database: TestDatabase;
const unhandled = new Recorder<unknown>();
const note = (reason: unknown) => unhandled.record(reason);

beforeAll(async () => {
  database = await createTestDatabase();
  process.on('unhandledRejection', note);
});
afterAll(async () => {
  process.off('unhandledRejection', note);
  await database?.drop();
});

/** The code of an error of ours, also where a library has put its own around it. */
function codeOf(error: unknown): unknown {
  const { code, cause, original } = error as { code?: unknown; cause?: unknown; original?: unknown };
  if (typeof code === 'string' && code.startsWith('INTEGRATION_')) return code;
  const inner = cause ?? original;
  return inner === undefined ? String(error) : codeOf(inner);
}

/** What the error says of the pool, as far as the library shows it. */
function causeOn(name: string): RegExp {
  if (SILENT.includes(name))
    return /10 connections of the host's pool are held by handlers of.*does not show.*is not undone/;
  const waits = name.endsWith('postgres.js') ? 'may wait' : 'waits';
  return new RegExp(`the only connection .* that ${waits} for another one.*is not undone`);
}

const opened =
  (name: string, open: OpenLibrary) =>
  async (size: number): Promise<HostWithPool> => {
    const { adapter, ask, close } = await open(database.url, size);
    return { client: adapter, ask, close, write: (tx, note) => adapter.query(tx, INSERT, [name, note]) };
  };

async function openPrisma(size: number): Promise<HostWithPool> {
  const prisma = database.prisma({ max: size });
  return {
    client: prisma,
    ask: () => prisma.$queryRawUnsafe('SELECT 1'),
    close: () => prisma.$disconnect(),
    write: (tx, note) => (tx as typeof prisma).$executeRawUnsafe(INSERT, 'Prisma', note),
  };
}

const HOSTS = [
  ...LIBRARIES.map(([name, open]) => [name, opened(name, open)] as const),
  ['Prisma', openPrisma] as const,
];

describe.each(HOSTS)(
  'transactional handlers that hold the whole pool of %s and wait for more',
  (name, open) => {
    /** An application whose handlers all make the mistake when `all` opens. */
    async function start(size: number, timeoutMs: number) {
      const host = await open(size);
      const openedAt = performance.now();
      await Promise.all(Array.from({ length: size }, () => host.ask()));
      const paceMs = performance.now() - openedAt;
      const consumerName = `${name} ${size}${timeoutMs === NEVER_MS ? ' stopped' : ''}`;
      const [entered, aborted, ended] = [
        new Recorder<void>(),
        new Recorder<number>(),
        new Recorder<unknown>(),
      ];
      const all = gate();
      const handler = async (event: DomainEvent, { transaction, signal }: SubscriberContext) => {
        await host.write(transaction, 'in time');
        signal.addEventListener('abort', () => aborted.record(performance.now()));
        entered.record();
        await all.opened;
        // The mistake: this needs a connection of its own.
        await host.ask();
        expect(signal.aborted).toBe(true);
        const options = { persistenceClient: transaction };
        const publishing = app.api.publishEvent('late', 'test', 'thing', event.aggregateId, {}, options);
        for (const late of [host.write(transaction, 'late'), publishing])
          ended.record(await late.then(() => 'sent', codeOf));
        throw new Error('late as well');
      };
      const subscriber = {
        eventName: consumerName,
        consumerName,
        transactional: true,
        concurrency: size,
        timeoutMs: Math.max(timeoutMs, Math.ceil(STATEMENTS_OF_A_BEGINNING * paceMs)),
      };
      const app: TestApp = await startApp(database, [{ ...subscriber, retry: { maxAttempts: 1 }, handler }], {
        client: host.client,
        shutdownTimeoutMs: 1_000,
      });
      const events = Array.from({ length: size }, (_, i) => i);
      await database.pool.query(
        `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT $1, 'test', 'thing', n::text FROM unnest($2::int[]) AS n`,
        [consumerName, events],
      );
      await entered.first(size);
      all.open();
      return { host, app, consumerName, aborted, ended, events };
    }

    async function expectNothingLeft(): Promise<void> {
      const { rows } = await database.pool.query('SELECT note FROM effect WHERE consumer = $1', [name]);
      expect(rows).toEqual([]);
      const { rows: late } = await database.pool.query(
        `SELECT FROM integration.outbox_event WHERE event_name = 'late'`,
      );
      expect(late).toEqual([]);
      expect(unhandled.all).toEqual([]);
    }

    it.each([1, 5, 10])('give it back at their deadline (a pool of %i)', async (size) => {
      const lines = hearLog();
      const { host, app, consumerName, aborted, ended, events } = await start(size, DEADLINE_MS);
      const warned = lines
        .texts('warn')
        .filter((text) => text.includes("connections of the client's pool at once"));
      silenceLog();
      expect(warned).toHaveLength(SILENT.includes(name) && size < 10 ? 0 : 1);

      await host.ask();
      const answeredAt = performance.now();
      const deadlines = await aborted.first(size);
      // How long the machine needs for one statement of somebody else at this moment.
      await database.pool.query('SELECT 1');
      const pace = performance.now() - answeredAt;
      expect(answeredAt - Math.max(...deadlines)).toBeLessThan(1_000 + 10 * pace);

      expect(new Set(await ended.first(2 * size))).toEqual(
        new Set(name === 'Prisma' ? REFUSALS.slice(0, 1) : REFUSALS),
      );
      await untilConsumerSettled(database, consumerName);
      const rows = await inboxRows(database, consumerName);
      expect(rows).toMatchObject(events.map(() => ({ status: 'dead_letter', attempts: 1 })));
      // With one handler, nothing else decides at which moment its deadline finds the pool. Of a pool that is not
      // known, as many are taken as the engine allows.
      if (size === (SILENT.includes(name) ? 10 : 1)) {
        expect(rows.map(({ error }) => error)).toContainEqual(expect.stringMatching(causeOn(name)));
        const { findings } = await app.context.get(DoctorService).examine();
        const found = findings.find(({ key }) => key === `pool-used-up/${encodeURIComponent(consumerName)}`);
        expect(found?.finding).toContain("of the host's pool");
      }
      await app.close();
      await host.close();
      await expectNothingLeft();
    });

    it('do not hold up a stop, nor the end of the pool', async () => {
      const { host, app, consumerName } = await start(2, NEVER_MS);
      await app.close();
      await host.close();
      expect(await inboxRows(database, consumerName)).toEqual([]);
      await expectNothingLeft();
    }, 60_000);
  },
);
