import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DrizzleQueryError } from 'drizzle-orm';
import { type IntegrationModuleOptions, NonRetryableError, RetryAfterError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runShell } from '../support/command.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';

let database: TestDatabase;
let app: TestApp | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  silenceLog();
});
afterAll(() => database.drop());

const event = (eventName: string, aggregateId: string) => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'invoice',
  aggregateId,
  payload: { secret: 'the payload' },
});

/** An application with one consumer that fails as it is told; and what is said from then on. */
async function hearFailures(
  name: string,
  fail: (aggregateId: string) => unknown,
  { maxAttempts = 2, ...options }: IntegrationModuleOptions & { maxAttempts?: number } = {},
) {
  const handler = async ({ aggregateId }: { aggregateId: string }) => {
    const error = fail(aggregateId);
    if (error !== undefined) throw error;
  };
  const definition = { eventName: name, consumerName: name, retry: { maxAttempts }, handler };
  const started = await startApp(database, [definition], options);
  app = started;
  const lines = hearLog();
  return {
    app: started,
    next: (level: string) =>
      lines.find((line) => line.level === level && line.context === `Consumer ${name}`),
    said: () => lines.all.filter(({ context }) => context === `Consumer ${name}`),
  };
}

describe('a failed attempt', () => {
  it('is a warning with event, aggregate, attempt, next try, and every error of the chain with its stack', async () => {
    const refused = new Error('connect ECONNREFUSED 127.0.0.1:9');
    const fail = () => new TypeError('fetch failed', { cause: refused });
    const { app, next } = await hearFailures('bill.sent', fail);
    const { outboxEventId } = await app.api.publishEvent(event('bill.sent', 'A-1'));
    const { text } = await next('warn');
    expect(text).toMatch(
      new RegExp(
        `^Failed on bill\\.sent \\(event ${outboxEventId}, position \\d+\\) of invoice "A-1", attempt 1 of 2\\. The next try is due at 20\\S+Z\\.\\n` +
          'TypeError: fetch failed\\n +at [^]*\\nCaused by: Error: connect ECONNREFUSED 127\\.0\\.0\\.1:9\\n +at ',
      ),
    );
    expect(text).not.toContain('the payload');
  });

  it('says no values of a failed query, neither in the log nor in the inbox', async () => {
    const fail = () =>
      new DrizzleQueryError('insert into card values ($1)', ['4111 1111'], new Error('refused'));
    const { app, next } = await hearFailures('card.kept', fail);
    await app.api.publishEvent(event('card.kept', 'A-1'));
    const { text } = await next('warn');
    expect(text).toContain('insert into card values ($1)');
    expect(text).toContain('Caused by: Error: refused');
    await next('error');
    await untilConsumerSettled(database, 'card.kept');
    const [row] = await inboxRows(database, 'card.kept');
    expect(`${text} ${row?.error}`).not.toContain('4111');
  });
});

describe('a dead letter', () => {
  it('is an error with the stack and the command that sends it again', async () => {
    let isMended = false;
    const fail = () => (isMended ? undefined : new NonRetryableError('never', { cause: new Error('why') }));
    const { app, next } = await hearFailures("o'brien dead", fail);
    const { outboxEventId } = await app.api.publishEvent(event("o'brien dead", 'A-1'));
    const { text, stack } = await next('error');
    expect(text).toContain(`of invoice "A-1" after attempt 1 of 2. It is a dead letter now.`);
    expect(stack).toMatch(/^NonRetryableError: never\n +at [\s\S]*\nCaused by: Error: why\n +at /);
    await until('it is written down', async () => {
      const [row] = await inboxRows(database, "o'brien dead");
      return row?.status === 'dead_letter';
    });
    isMended = true;
    const command = text.slice(text.indexOf('npx nestjs-integration'));
    const redriven = await runShell(`${command} --yes`, database);
    expect(redriven).toMatchObject({ status: 0, stdout: '1 event sent on its way again.\n' });
    await until('it is processed', () => app.inbox.isProcessed(outboxEventId, "o'brien dead"));
  });

  it('is said also where the log has lost the event meanwhile', async () => {
    const { app, next } = await hearFailures('bill.lost', () => new RetryAfterError(600_000));
    const { outboxEventId } = await app.api.publishEvent(event('bill.lost', 'A-1'));
    await next('warn');
    await until(
      'the failure is written down',
      async () => (await inboxRows(database, 'bill.lost')).length > 0,
    );
    await database.pool.query('DELETE FROM integration.outbox_event WHERE id = $1', [outboxEventId]);
    await database.pool.query(
      `UPDATE integration.inbox_event SET available_at = clock_timestamp() WHERE outbox_event_id = $1`,
      [outboxEventId],
    );
    const { text, stack } = await next('error');
    expect(text).toMatch(
      /^Gave up an event that is no longer in the log \(event .* of invoice "A-1", before attempt 2\. It is a dead letter now\./,
    );
    expect(stack).toMatch(/^Error: The event is no longer in the log/);
  });
});

describe('many failures of one kind', () => {
  it('are one message and a count, which is said at the end of the application at the latest', async () => {
    const { app, said } = await hearFailures('bill.flood', (id) => new NonRetryableError(`no invoice ${id}`));
    await app.api.publishEvents(Array.from({ length: 50 }, (_, i) => event('bill.flood', `${i}`)));
    await untilConsumerSettled(database, 'bill.flood');
    await app.close();
    const texts = said().map(({ level, text }) => `${level} ${text}`);
    expect(texts).toHaveLength(2);
    expect(texts[0]).toMatch(/^error Gave up bill\.flood /);
    expect(texts[1]).toMatch(
      /^error Gave up 49 more events in the same way \(NonRetryableError: no invoice \d+\), the last of them bill\.flood .* send them again: npx nestjs-integration dead-letters redrive --consumer bill\.flood --fingerprint [0-9a-f]{32}$/,
    );
  });
});
