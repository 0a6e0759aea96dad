import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import postgres from 'postgres';
import type { TransactionalSqlClient } from '../../src/database/clients/sql-client.js';
import { type DomainEvent, DomainEventPublisher, IntegrationLinkService } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { postgresJsClient } from '../support/postgres-js-client.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const A_MINUTE = 60_000;

let database: TestDatabase;
let app: TestApp | undefined;
let sql: postgres.Sql | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  const name = new URL(database.url).pathname.slice(1);
  await database.pool.query(`ALTER DATABASE "${name}" SET timezone = 'America/New_York'`);
  await database.pool.query(`ALTER DATABASE "${name}" SET datestyle = 'SQL, DMY'`);
});
afterEach(async () => {
  await app?.close();
  await sql?.end();
  app = sql = undefined;
});
afterAll(() => database?.drop());

const CLIENTS: readonly [name: string, client: () => TransactionalSqlClient | undefined][] = [
  ['Prisma', () => undefined],
  [
    'postgres.js in a zone of its own',
    () => {
      sql = postgres(database.url, { connection: { TimeZone: 'Asia/Kathmandu' } });
      return postgresJsClient(sql);
    },
  ],
];

describe.each(CLIENTS)(
  'where the database has a zone and date style of its own, through %s',
  (name, makeClient) => {
    const open = async (...handlers: Parameters<typeof startApp>[1]) => {
      const client = makeClient();
      app = await startApp(database, handlers, client === undefined ? {} : { client });
      return app;
    };
    const isNow = (time: Date | null) =>
      expect(Math.abs(Date.now() - (time?.getTime() ?? 0))).toBeLessThan(A_MINUTE);

    it('the times of a link are those at which it was made', async () => {
      const links = (await open()).context.get(IntegrationLinkService);
      const from = { sourceModule: name, sourceEntityType: 'b', sourceEntityId: 'c' };
      const to = { targetModule: 'd', targetEntityType: 'e', targetEntityId: 'f' };
      const made = await links.createLink({ ...from, ...to, linkType: 'reference' });
      isNow(made.createdAt);
      isNow(made.updatedAt);
      expect(await links.findOutbound(name, 'b', 'c')).toEqual([made]);
    });

    it('the times of an inbox row are those of what was done', async () => {
      const { api, inbox } = await open();
      const { outboxEventId } = await api.publishEvent(eventOf('for the inbox'));
      const { id } = await inbox.getOrCreate(outboxEventId, name);
      const done = await inbox.markProcessed(id);
      isNow(done.createdAt);
      isNow(done.updatedAt);
      isNow(done.processedAt);
    });

    it('an event is due at the time that was said, and its times are right', async () => {
      const handled = new Recorder<Date>();
      const { context, outbox } = await open({
        eventName: 'timed',
        consumerName: `timed ${name}`,
        handler: async (event: DomainEvent) => handled.record(event.timestamp),
      });
      const availableAt = new Date('2021-07-08T09:10:11.123Z');
      const publisher = context.get(DomainEventPublisher);
      const [one, more] = await Promise.all([
        publisher.publishEvent({ ...TIMED, availableAt }),
        publisher.publishEvents([{ ...TIMED, availableAt }]),
      ]);
      for (const time of await handled.first(2)) isNow(time);
      for (const { outboxEventId } of [one, ...more]) {
        const event = await outbox.findById(outboxEventId);
        expect(event?.availableAt).toEqual(availableAt);
        isNow(event?.timestamp ?? null);
      }
    });
  },
);

const TIMED = eventOf('timed');

function eventOf(eventName: string) {
  return { eventName, sourceModule: 'zones', aggregateType: 'thing', aggregateId: eventName };
}
