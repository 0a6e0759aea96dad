// What comes of publishing inside the transactions of @nestjs-cls/transactional, which Jest cannot load beside Nest 12 on Node 20.
// Its argument is the library, TypeORM or Kysely. Prints what happened as one line of JSON.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClsPluginTransactional, Transactional, TransactionHost } from '@nestjs-cls/transactional';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { ClsModule } from 'nestjs-cls';
import { IntegrationDeveloperApiService, IntegrationModule } from 'nestjs-integration';
import { clsAmbient } from 'nestjs-integration/cls';
import { fromKysely } from 'nestjs-integration/kysely';
import { fromTypeOrm } from 'nestjs-integration/typeorm';
import pg from 'pg';
import { DataSource } from 'typeorm';

const url = process.env.DATABASE_URL;

const LIBRARIES = {
  async TypeORM() {
    const dataSource = await new DataSource({ type: 'postgres', url, extra: { max: 12 } }).initialize();
    return {
      client: fromTypeOrm(dataSource),
      root: dataSource.manager,
      transaction: (fn) => dataSource.transaction(fn),
      write: (tx, text) => tx.query('INSERT INTO note VALUES ($1)', [text]),
      close: () => dataSource.destroy(),
    };
  },
  async Kysely() {
    const db = new Kysely({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 12 }) }),
    });
    return {
      client: fromKysely(db),
      root: db,
      transaction: (fn) => db.transaction().execute(fn),
      write: (tx, text) => sql`INSERT INTO note VALUES (${text})`.execute(tx),
      close: () => db.destroy(),
    };
  },
};

const library = await LIBRARIES[process.argv[2]]();

/** As the adapters of @nestjs-cls/transactional go about it. */
const adapter = {
  connection: library,
  optionsFactory: ({ root, transaction }) => ({
    wrapWithTransaction: (_, fn, setTransaction) =>
      transaction(async (tx) => {
        setTransaction(tx);
        return fn();
      }),
    getFallbackInstance: () => root,
  }),
};

class Work {
  run(fn) {
    return fn();
  }
}
const method = Object.getOwnPropertyDescriptor(Work.prototype, 'run');
Transactional()(Work.prototype, 'run', method);
Object.defineProperty(Work.prototype, 'run', method);
const work = new Work();
const run = (fn) => work.run(fn);

async function start(ambientPublishing) {
  class AppModule {}
  Module({
    imports: [
      ClsModule.forRoot({ global: true, plugins: [new ClsPluginTransactional({ adapter })] }),
      IntegrationModule.forRootAsync({
        inject: [TransactionHost],
        useFactory: (host) => ({
          client: library.client,
          connectionString: url,
          ambient: clsAmbient(host),
          ambientPublishing,
        }),
      }),
    ],
  })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const host = app.get(TransactionHost);
  const api = app.get(IntegrationDeveloperApiService);
  const publish = (aggregateId, options) =>
    api.publishEvent(
      { eventName: 'thing.changed', sourceModule: 'cls', aggregateType: 'thing', aggregateId },
      options,
    );
  return { publish, host, close: () => app.close() };
}

/** What a promise comes to. */
const outcomeOf = (promise) =>
  promise.then(
    () => 'done',
    (error) => (error.code ? `${error.code}: ${error.message}` : error.message),
  );

function gate() {
  let open;
  const opened = new Promise((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** What becomes of work that a transaction leaves behind, `nested` in a method that took part in it. */
async function leftBehind(publish, nested) {
  const { open, opened } = gate();
  let left;
  const leave = async () => {
    left = outcomeOf(opened.then(() => publish(nested ? 'late in a method' : 'late')));
  };
  await run(() => (nested ? run(leave) : leave()));
  open();
  return left;
}

const outcomes = {};

const guarding = await start('refuse');
await run(async () => {
  outcomes.forgotten = await outcomeOf(guarding.publish('forgotten'));
  await guarding.publish('named', { persistenceClient: guarding.host.tx });
  await guarding.publish('outside', { outsideTransaction: true });
});
await guarding.publish('absent');
outcomes.leftBehind = await leftBehind(guarding.publish, false);
outcomes.leftBehindInMethod = await leftBehind(guarding.publish, true);
await guarding.close();

const joining = await start('join');
const inOne = (id, fails) =>
  run(async () => {
    await library.write(joining.host.tx, id);
    await run(() => joining.publish(id));
    if (fails) throw new Error('on purpose');
  });
const ids = Array.from({ length: 10 }, (_, i) => `t${i}`);
outcomes.sideBySide = await Promise.all(ids.map((id, i) => outcomeOf(inOne(id, i % 2 === 1))));
outcomes.joinedInMethod = await leftBehind(joining.publish, true);
await joining.close();

await library.close();
console.log(JSON.stringify(outcomes));
