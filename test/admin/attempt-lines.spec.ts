import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NonRetryableError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, type Answered, startAdminApp } from './admin-app.js';

/* What handlers logged is shown without what the mask hides, in the same words by the API and by the commands. */

const CARD = '4111-1111-1111-1111';
const NAME = 'Ann Berg';

let database: TestDatabase;
let app: TestApp;
let admin: AdminApp;
let id: string;
let mayReadPayloads = true;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startApp(
    database,
    [
      {
        consumerName: 'billing',
        eventName: 'order.placed',
        handler: ({ payload }, { logger, attempt }) => {
          const { card, name } = payload as { card: string; name: string };
          logger.log(`pays ${attempt === 4 ? 'late' : 'now'} by ${card}`);
          logger.warn({ of: { name } });
          // It is cut within the number when it is kept.
          logger.debug(`${'x'.repeat(1_010)} ${card}`);
          if (attempt < 4) throw new Error('the bank is away');
          throw new NonRetryableError('refused by the bank');
        },
      },
    ],
    {
      handlerLines: { redact: (text) => text },
      settings: { retryBaseDelayMs: 100, retryMaxDelayMs: 100, maxAttempts: 5 },
    },
  );
  const { outboxEventId } = await app.api.publishEvent({
    eventName: 'order.placed',
    sourceModule: 'shop',
    aggregateType: 'order',
    aggregateId: 'o1',
    payload: { card: CARD, name: NAME, city: 'Ulm' },
  });
  id = outboxEventId;
  for (let due = true; due; ) due = (await app.processor.drain()).nextDueAt !== undefined;
  admin = await startAdminApp(database, {
    admin: {
      permission: (_, action) => action !== 'payloads.read' || mayReadPayloads,
      mask: (payload) => ({ ...(payload as object), card: '****', name: undefined }),
    },
  });
});
afterAll(async () => {
  await admin.close();
  await app.close();
  await database.drop();
});

const lines = () => admin.ask(`events/${id}/lines?consumer=billing`);
const compared = (first: number, second: number) =>
  admin.ask(`events/${id}/compared?consumer=billing&first=${first}&second=${second}`);
const run = (...words: string[]) => runCommand(words, database);

describe('what a handler logged', () => {
  it('is shown without the values that the mask hides', async () => {
    const { status, json } = await lines();
    expect(status).toBe(200);
    expect(json.attempts).toHaveLength(4);
    expect(json.attempts[0]).toMatchObject({
      attempt: 1,
      sentence: '3 lines of its logger',
      lines: [
        { level: 'log', text: 'pays now by [hidden]' },
        { level: 'warn', text: "{ of: { name: '[hidden]' } }" },
        { level: 'debug', text: `${'x'.repeat(1_010)} [hidden]…` },
      ],
    });
  });

  it('shows a hidden value in no answer, whole or cut', async () => {
    const history = () => admin.ask(`events/${id}/history?consumer=billing`);
    const answers: Answered[] = [await lines(), await compared(1, 4), await history()];
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      expect(text).not.toContain(NAME);
      expect(text).not.toContain(CARD.slice(0, 4));
    }
  });

  it('is for those who may read payloads', async () => {
    mayReadPayloads = false;
    try {
      expect(await lines()).toMatchObject({ status: 403 });
      expect(await compared(1, 2)).toMatchObject({ status: 403 });
      const { json } = await admin.ask(`events/${id}/history?consumer=billing`);
      expect(json.attempts[0].linesSentence).toBe('3 lines of its logger');
      expect(JSON.stringify(json)).not.toContain('pays');
    } finally {
      mayReadPayloads = true;
    }
  });

  it('is not shown of an event that is not there any more, since nobody knows what is hidden', async () => {
    const gone = '00000000-0000-7000-8000-00000000dead';
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, attempts)
       SELECT $1, 0, consumer_name, aggregate_type, aggregate_id, 'dead_letter', attempts FROM integration.inbox_event LIMIT 1`,
      [gone],
    );
    const { status, text } = await admin.ask(`events/${gone}/lines?consumer=billing`);
    expect(status).toBe(404);
    expect(text).not.toContain(CARD);
  });
});

describe('attempts', () => {
  it('that are alike are one, in the same words in both', async () => {
    const { json } = await admin.ask(`events/${id}/history?consumer=billing`);
    const said = ['Attempts 1–3: the same', 'Attempt 4'];
    expect(json.folds.map(({ sentence }: { sentence: string }) => sentence)).toEqual(said);
    const { stdout } = await run('events', 'show', id);
    expect(stdout).toMatch(/\nAttempts 1–3: the same .*\n(?: {4}.*\n)?4 /);
    expect(stdout).toContain('Attempt 4: 3 lines of its logger: see --lines');
    expect(stdout).not.toContain('pays');
  });

  it('are shown with their lines by a command, as the database has them', async () => {
    const { stdout } = await run('events', 'show', id, '--lines');
    expect(stdout).toContain(`pays late by ${CARD}`);
    const { result } = await runJsonCommand(['events', 'show', id, '--lines'], database);
    expect(result.consumers[0].lines[3].lines[0].text).toBe(`pays late by ${CARD}`);
    const without = await runJsonCommand(['events', 'show', id], database);
    expect(JSON.stringify(without)).not.toContain(CARD);
  });

  it('are compared, in the same words in both', async () => {
    const { json } = await compared(1, 4);
    expect(json.sentence).toBe('Attempts 1 and 4 failed by different errors, and wrote other lines.');
    const logged = json.parts.find(({ name }: { name: string }) => name === 'Lines of the logger');
    expect(logged.lines.slice(0, 3)).toEqual([
      { in: 'first', text: 'log pays now by [hidden]' },
      { in: 'second', text: 'log pays late by [hidden]' },
      { in: 'both', text: "warn { of: { name: '[hidden]' } }" },
    ]);
    const { stdout } = await run('events', 'compare', id, 'billing', '1', '4');
    expect(stdout).toContain(json.sentence);
    expect(stdout).toContain('- Error: the bank is away');
    expect(stdout).toContain('+ NonRetryableError: refused by the bank');
  });

  it('that are not kept cannot be compared', async () => {
    expect(await compared(1, 9)).toMatchObject({ status: 404 });
    expect(await compared(0, 1)).toMatchObject({ status: 400 });
    expect(await run('events', 'compare', id, 'billing', '1', '9')).toMatchObject({ status: 1 });
    expect(await run('events', 'compare', id, 'billing', '1', 'x')).toMatchObject({ status: 2 });
  });
});
