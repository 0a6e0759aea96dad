// A process whose transactional handler is past its deadline, on the client that CLIENT names, over plain `pg` without any listener
// for errors. HANDLER=waits: it waits in its transaction; HANDLER=blocks: it blocks the event loop until the server has ended
// its session. Prints a line for everything that happens, and `alive` when all is over.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import {
  IntegrationDeveloperApiService,
  IntegrationModule,
  OutboxProcessor,
  PgSqlClient,
} from '../../../dist/index.js';

// Long enough for the second attempt, also on a busy machine.
const TIMEOUT_MS = 1_000;
const say = (line) => process.stdout.write(`${line}\n`);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
// What every application over `pg` has; it hears of idle connections only.
pool.on('error', () => {});

/** A client in our shape from how one sends a statement and how one runs a transaction. */
function hostClient(send, transact) {
  const shape = (handle) => ({
    $queryRawUnsafe: async (sql, ...values) => (await send(handle, sql, values)).rows,
    $executeRawUnsafe: async (sql, ...values) => (await send(handle, sql, values)).rowCount ?? 0,
  });
  return { ...shape(undefined), $transaction: (fn) => transact((handle) => fn(shape(handle))) };
}

async function inTransaction(fn) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await fn(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

/** A statement with its values as Drizzle takes it: a template. */
function drizzleStatement(text, values) {
  const parts = text.split(/\$(\d+)/);
  return drizzleSql.join(
    parts.map((part, i) => (i % 2 === 0 ? drizzleSql.raw(part) : drizzleSql`${values[part - 1]}`)),
  );
}

const CLIENTS = {
  pg: () => ({
    ...hostClient((_handle, sql, values) => pool.query(sql, values)),
    $transaction: (fn) => inTransaction((client) => fn(new PgSqlClient(client))),
  }),
  'a client of the host’s own': () =>
    hostClient((client, sql, values) => (client ?? pool).query(sql, values), inTransaction),
  drizzle: () => {
    const db = drizzle(pool);
    return hostClient(
      (tx, sql, values) => (tx ?? db).execute(drizzleStatement(sql, values)),
      (fn) => db.transaction(fn),
    );
  },
  kysely: () => {
    const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    return hostClient(
      async (trx, sql, values) => {
        const { rows, numAffectedRows } = await (trx ?? db).executeQuery(CompiledQuery.raw(sql, values));
        return { rows, rowCount: Number(numAffectedRows ?? rows.length) };
      },
      (fn) => db.transaction().execute(fn),
    );
  },
};

const over = {};
over.promise = new Promise((resolve) => {
  over.resolve = resolve;
});

async function handle(_event, { attempt, signal, transaction }) {
  say(`attempt ${attempt}`);
  if (attempt > 1) return;
  if (process.env.HANDLER === 'blocks') {
    const until = Date.now() + TIMEOUT_MS + 1_500;
    while (Date.now() < until);
  } else {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    // The server's own limit passes meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
  await transaction.$queryRawUnsafe('SELECT 1').then(
    () => say('its transaction goes on'),
    () => say('its transaction is over'),
  );
  over.resolve();
}

class AppModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.DATABASE_URL,
      client: CLIENTS[process.env.CLIENT](),
      settings: { retryBaseDelayMs: 100, retryMaxDelayMs: 100 },
    }),
  ],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
const api = app.get(IntegrationDeveloperApiService);
api.subscribe({
  eventName: 'thing.happened',
  consumerName: 'late',
  transactional: true,
  timeoutMs: TIMEOUT_MS,
  startFrom: 'earliest',
  handler: handle,
});
await api.publishEvent('thing.happened', 'test', 'thing', 'a1', {});
await over.promise;
await app.get(OutboxProcessor).drain();
say('alive');
await app.close();
await pool.end();
