import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const TABLES = [
  'outbox_event',
  'inbox_event',
  'inbox_cursor',
  'inbox_replay',
  'integration_process',
  'integration_link',
  'integration_setting',
  'integration_setting_change',
]
  .map((name) => `integration.${name}`)
  .join(', ');
const CLEAN_UPS: [string, string][] = [
  ['all tables, positions anew', `TRUNCATE ${TABLES} RESTART IDENTITY CASCADE`],
  ['all tables', `TRUNCATE ${TABLES} CASCADE`],
  ['the log, positions anew', 'TRUNCATE integration.outbox_event RESTART IDENTITY'],
  ['the log', 'TRUNCATE integration.outbox_event'],
  [
    'log and inbox, positions anew',
    'TRUNCATE integration.outbox_event, integration.inbox_event RESTART IDENTITY',
  ],
  [
    'log, inbox and cursors, by DELETE',
    'DELETE FROM integration.outbox_event; DELETE FROM integration.inbox_event; DELETE FROM integration.inbox_cursor',
  ],
  ['the cursors', 'TRUNCATE integration.inbox_cursor'],
];

/** The SQLSTATE deadlock_detected. */
const DEADLOCK_DETECTED = '40P01';

let database: TestDatabase;
let app: TestApp;
let handled: Recorder<string>;
let lines: LogLines;

beforeEach(async () => {
  database = await createTestDatabase();
  handled = new Recorder();
  lines = hearLog();
});
afterEach(async () => {
  await app.close();
  await database.drop();
  silenceLog();
});

async function start(startFrom: AnySubscriberDefinition['startFrom']): Promise<void> {
  const handler =
    (name: string) =>
    async ({ aggregateId }: { aggregateId: string }) =>
      handled.record(`${name} ${aggregateId}`);
  app = await startApp(
    database,
    ['first', 'second'].map(
      (consumerName) =>
        ({
          consumerName,
          eventName: 'thing.*',
          startFrom,
          handler: handler(consumerName),
        }) as AnySubscriberDefinition,
    ),
  );
}

async function publish(name: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `${name}${n}`);
  for (const aggregateId of ids) {
    await app.api.publishEvent({
      eventName: 'thing.changed',
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId,
      payload: {},
    });
  }
  return ids.flatMap((id) => [`first ${id}`, `second ${id}`]);
}

/**
 * Runs a clean-up, and returns false if it has to be repeated. A TRUNCATE and a beat lock tables in different orders, so each may
 * wait for the other. The server then ends one of the two.
 */
async function emptied(sql: string): Promise<boolean> {
  try {
    await database.pool.query(sql);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== DEADLOCK_DETECTED) throw error;
    return false;
  }
}

describe.each(CLEAN_UPS)('a clean-up that empties %s while the application runs', (what, sql) => {
  it.each(['earliest', 'recent', 'latest'] as const)(
    'loses no event that is published after it, and drain waits for them: consumers from %s',
    async (startFrom) => {
      await start(startFrom);
      const before = await publish('before', 5);
      await app.processor.drain();
      expect([...handled.all].sort()).toEqual(before.sort());
      await until('it is emptied', () => emptied(sql));
      const after = await publish('after', 3);
      expect(await app.processor.drain()).toMatchObject({ drained: true });
      // What had begun when the cursors went is not saved, and comes again.
      const later = [...new Set(handled.all.slice(before.length))];
      // Cursors that are gone know nothing of what is still in the log.
      const again = what === 'the cursors' ? before : [];
      expect(later.sort()).toEqual([...again, ...after].sort());
      expect(lines.texts('warn').some((line) => /emptied/.test(line))).toBe(/cursors|anew|all/.test(what));
    },
    60_000,
  );
});

describe('a consumer that was removed while a process has handlers for it', () => {
  it('is not taken for one whose table was emptied: it is registered at the next start', async () => {
    await start('earliest');
    await publish('before', 2);
    await app.processor.drain();
    await app.consumers.remove('first', { force: true });
    await publish('after', 2);
    expect(await app.processor.drain()).toMatchObject({ drained: true });
    await lines.saying('taken over');
    await handled.find((each) => each === 'second after1');
    const { rows } = await database.pool.query('SELECT consumer_name FROM integration.inbox_cursor');
    expect(rows).toEqual([{ consumer_name: 'second' }]);
  });
});
