import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DoctorService, NonRetryableError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand } from '../support/command.js';
import { COMMANDS } from '../support/commands.js';
import { inboxRows } from '../support/inbox-rows.js';
import { silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { TestSdk } from '../telemetry/sdk.js';

/** In every payload, and nowhere else unless the package puts it there. */
const PLANTED = `planted-${randomBytes(8).toString('hex')}`;
/** In the error of a handler that quotes what it got. */
const QUOTED = `quoted-${randomBytes(8).toString('hex')}`;

const FAILURES = {
  'order.lost': (): never => {
    throw new NonRetryableError('the receiver is down');
  },
  'order.retried': (): never => {
    throw new Error('the receiver has too much to do');
  },
  'order.quoted': (): never => {
    throw new NonRetryableError(`cannot read ${QUOTED}`);
  },
};

let database: TestDatabase;
let app: TestApp;
const sdk = new TestSdk();
/** What the list of dead letters showed. */
let deadLetters = '';
/** Every line of every level, with all that was given to the logger. */
const log: string[] = [];

beforeAll(async () => {
  sdk.register();
  database = await createTestDatabase();
  // What publishes such an event fails in the database, whose error has the whole row in its details.
  await database.pool.query(
    `ALTER TABLE integration.outbox_event ADD CONSTRAINT refused CHECK (event_name <> 'order.refused')`,
  );
  const note = (...given: unknown[]) => log.push(inspect(given, { depth: 12, maxStringLength: null }));
  Logger.overrideLogger({ log: note, warn: note, error: note, debug: note, verbose: note, fatal: note });
  app = await startApp(
    database,
    [
      ...Object.entries(FAILURES).map(([eventName, handler]) => ({
        eventName,
        consumerName: 'billing',
        handler: async () => handler(),
      })),
      {
        eventName: 'order.forwarded',
        consumerName: 'forwarding',
        handler: async () => {
          await app.api.publishEvent(eventOf('order.refused'));
        },
      },
    ],
    { settings: { maxAttempts: 2, retryBaseDelayMs: 100 }, telemetry: { spans: true, metrics: true } },
  );
  Logger.overrideLogger({ log: note, warn: note, error: note, debug: note, verbose: note, fatal: note });
  for (const name of [...Object.keys(FAILURES), 'order.forwarded', 'order.nobody'])
    await app.api.publishEvent(eventOf(name));
  await until('all are dead', async () => {
    const rows = [...(await inboxRows(database, 'billing')), ...(await inboxRows(database, 'forwarding'))];
    return rows.length === 4 && rows.every(({ status }) => status === 'dead_letter');
  });
  deadLetters = (await run('dead-letters list --json')).stdout;
  await run('dead-letters redrive --position 1 --by ann --reason again --yes');
  await run('dead-letters redrive --consumer billing --limit 2 --yes --by ann');
  await run('replay billing --from 1 --at-once --by ann --yes');
  await run('consumers pause billing --by ann --yes');
  await run('dead-letters discard --consumer forwarding --reason tests --yes');
});
afterAll(async () => {
  silenceLog();
  await app.close();
  await sdk.unregister();
  await database.drop();
});

const run = (words: string) => runCommand(words.split(' '), database);

function eventOf(eventName: string) {
  const payload = { secret: PLANTED, nested: [{ [`key-${PLANTED}`]: PLANTED }] };
  return { eventName, sourceModule: 'shop', aggregateType: 'order', aggregateId: 'a', payload };
}

async function ids(): Promise<{ event: string; operation: string }> {
  const { rows } = await database.pool.query(
    `SELECT (SELECT id FROM integration.outbox_event ORDER BY position LIMIT 1) AS event,
       (SELECT id FROM integration.integration_operation LIMIT 1) AS operation`,
  );
  return rows[0];
}

/** What a command needs behind its words. None of them asks for a payload. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  'settings set': 'batchSize 44 --dry-run',
  'settings reset': 'batchSize --dry-run',
  'settings restore': '1 --dry-run',
  'settings preview': 'batchSize 44',
  'consumers show': 'billing',
  'consumers pause': 'billing --dry-run',
  'consumers resume': 'billing --dry-run',
  'consumers repartition': 'billing 3 --dry-run',
  'consumers discard': 'billing --reason x --dry-run',
  'consumers rename': 'billing other --dry-run',
  'consumers remove-names': 'billing order.lost --dry-run',
  'consumers remove': 'billing --dry-run',
  'dead-letters redrive': '--dry-run',
  'dead-letters discard': '--consumer billing --reason x --dry-run',
  'dead-letters rehearse': '<event> --consumer billing --dry-run',
  replay: 'billing --from 1 --dry-run',
  'operations show': '<operation>',
  'operations pause': '<operation> --dry-run',
  'operations resume': '<operation> --dry-run',
  'operations rate': '<operation> --rate 7 --dry-run',
  'operations cancel': '<operation> --yes',
  'events show': '<event>',
  'events chain': '<event>',
  'contracts show': 'order.lost',
};

describe('a payload', () => {
  it('is in no line of the log, whatever its level, although the failures are', () => {
    const text = log.join('\n');
    for (const said of ['receiver is down', 'has too much to do', QUOTED, 'violates check constraint'])
      expect(text).toContain(said);
    expect(log.filter((line) => line.includes(PLANTED))).toEqual([]);
  });

  it.each(COMMANDS.map(({ name }) => name))(
    'is shown by no command that is not asked for it: %s',
    async (name) => {
      const { event, operation } = await ids();
      const behind = (ARGUMENTS[name] ?? '').replace('<event>', event).replace('<operation>', operation);
      for (const words of [`${name} ${behind}`, `${name} ${behind} --json`]) {
        const { stdout, stderr } = await run(words.replace(/ +/g, ' ').trim());
        expect(stdout + stderr).toMatch(/\w/);
        expect(stdout + stderr).not.toContain(PLANTED);
      }
    },
  );

  it('is shown by the one command that is asked for it', async () => {
    const { event } = await ids();
    expect((await run(`events show ${event} --payload`)).stdout).toContain(PLANTED);
  });

  it('is in no table but the log of events: not with attempts, operations, the audit or samples', async () => {
    const { rows } = await database.pool.query<{ name: string }>(
      `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'integration'`,
    );
    const found: string[] = [];
    for (const { name } of rows) {
      const { rows: hits } = await database.pool.query(
        `SELECT 1 FROM integration.${name} t WHERE strpos(t::text, $1) > 0`,
        [PLANTED],
      );
      if (hits.length > 0) found.push(name);
    }
    expect(found).toEqual(['outbox_event']);
  });

  it('is in no finding of the doctor, no span and no metric', async () => {
    const examination = await app.context.get(DoctorService).examine();
    expect(JSON.stringify(examination)).not.toContain(PLANTED);
    const spans = sdk
      .spans()
      .map(({ name, attributes, events, status, links }) => ({ name, attributes, events, status, links }));
    expect(spans.length).toBeGreaterThan(4);
    expect(inspect(spans, { depth: 12, maxStringLength: null })).not.toContain(PLANTED);
    const readings = await sdk.readings();
    expect(readings.length).toBeGreaterThan(4);
    expect(JSON.stringify(readings)).not.toMatch(new RegExp(`${PLANTED}|${QUOTED}`));
  });

  it.each([
    ['has no value that JSON can hold', { secret: PLANTED, wrong: Number.NaN }],
    ['has what Postgres cannot hold', { secret: PLANTED, wrong: `${PLANTED}\0` }],
    ['is too large', { secret: PLANTED.repeat(60_000) }],
  ])('is not repeated by the error for one that %s', async (_, payload) => {
    const error = await app.api.publishEvent({ ...eventOf('order.lost'), payload }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: expect.stringMatching(/^INTEGRATION_PAYLOAD/) });
    expect(inspect(error, { depth: 12, maxStringLength: null })).not.toContain(PLANTED);
  });
});

describe('the error of a handler that quotes its payload', () => {
  it('is in the log and with the dead letter, as the guide says, and not in the audit', async () => {
    expect(log.join('\n')).toContain(QUOTED);
    expect((await run('events list')).stdout).not.toContain(QUOTED);
    expect((await run('audit list --json')).stdout).not.toContain(QUOTED);
    expect(deadLetters).toContain(QUOTED);
    expect(deadLetters).not.toContain(PLANTED);
  });
});
