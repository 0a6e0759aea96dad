import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { ConsumerService, EventSubscriberRegistry, IntegrationModule } from '../../src/index.js';
import { UNSERVED_TIMES, type UnservedTimes } from '../../src/maintenance/unserved-consumers.js';
import { runCommand, runJsonCommand, runShell } from '../support/command.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
const apps: TestingModule[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  silenceLog();
});
afterAll(() => database.drop());

const NEVER_MS = 3_600_000;

/** A process whose code handles these names for the consumer. */
async function startProcess(
  consumerName: string,
  eventNames: string[],
  times: Partial<UnservedTimes> = {},
  beforeBoot: () => void = () => {},
): Promise<TestingModule> {
  const app = await Test.createTestingModule({
    imports: [IntegrationModule.forRoot({ connectionString: database.url })],
  })
    .overrideProvider(UNSERVED_TIMES)
    .useValue({ firstMs: NEVER_MS, everyMs: NEVER_MS, againMs: NEVER_MS, ...times })
    .compile();
  apps.push(app);
  app
    .get(EventSubscriberRegistry)
    .registerHandler({ eventName: eventNames, consumerName, handler: () => {} });
  beforeBoot();
  await app.init();
  return app;
}

/** Such a process, and the warnings of its boot about its consumer. The log is heard when the testing module has set its own. */
async function bootHeard(consumerName: string, eventNames: string[]) {
  let lines: LogLines | undefined;
  const app = await startProcess(consumerName, eventNames, {}, () => {
    lines = hearLog();
  });
  const warnings = lines?.texts('warn').filter((text) => text.includes(`consumer "${consumerName}"`));
  return { app, warnings };
}

const stateOf = async (app: TestingModule, name: string) =>
  (await app.get(ConsumerService).list()).find(({ consumerName }) => consumerName === name);

/** The consumer has an owner, who has told so. */
const untilServed = (app: TestingModule, name: string) =>
  until(`${name} has an owner`, async () => (await stateOf(app, name))?.owner ?? false);

/** With its first beats a process says that it may work on whatever it knows. */
const untilUnserved = (app: TestingModule, name: string) =>
  until(`${name} is unserved`, async () => (await stateOf(app, name))?.unservedSince ?? false);

/** As if what was noted of it had been noted a while ago. */
const letPass = (name: string, minutes = 2) =>
  database.pool.query(
    `UPDATE integration.inbox_cursor SET served_at = served_at - $2 * interval '1 minute' WHERE consumer_name = $1`,
    [name, minutes],
  );

/** A process with both names has been there, and one with the first name only is there. */
async function takeNameOut(name: string, times: Partial<UnservedTimes> = {}): Promise<TestingModule> {
  const before = await startProcess(name, [`${name}.a`, `${name}.b`]);
  await untilServed(before, name);
  await before.close();
  apps.splice(0);
  await letPass(name);
  const after = await startProcess(name, [`${name}.a`], times);
  silenceLog();
  await untilUnserved(after, name);
  return after;
}

describe('a consumer that no process may work on, because the code lacks a stored name', () => {
  it('is unserved in status, which fails, in the list, and for the doctor; until the name is taken away', async () => {
    const app = await takeNameOut('billing');
    const status = await until('status fails', async () => {
      const outcome = await runCommand(['status'], database);
      return outcome.status === 1 && outcome;
    });
    expect(status.stdout).toMatch(/billing .* unserved/);
    const { result } = await runJsonCommand(['doctor'], database);
    const found = result.findings.filter(({ check }: { check: string }) => check === 'unserved-consumer');
    expect(found).toEqual([
      expect.objectContaining({
        finding: expect.stringMatching(
          /^No process may work on consumer "billing" since .*\(billing\.a, billing\.b\)/,
        ),
        fix: expect.stringContaining("npx nestjs-integration consumers remove-names billing '<names>'"),
      }),
    ]);
    await runCommand(['consumers', 'remove-names', 'billing', 'billing.b', '--yes'], database);
    await untilServed(app, 'billing');
    expect(await stateOf(app, 'billing')).toMatchObject({ unservedSince: null });
    expect(await runCommand(['status'], database)).toMatchObject({ status: 0 });
  });

  it('is a warning after the boot, and again later, with the names and the command that mends it', async () => {
    const app = await takeNameOut('shipping');
    await app.close();
    apps.splice(0);
    const again = await startProcess('shipping', ['shipping.a'], { firstMs: 20, everyMs: 20, againMs: 50 });
    const lines = hearLog();
    const of = ({ text }: { text: string }) => text.includes('may work on consumer "shipping"');
    const { level, text } = await lines.find(of);
    expect(level).toBe('warn');
    expect(text).toContain('has no handler for "shipping.b", which is stored for it.');
    await until('it is said again', async () => lines.all.filter(of).length > 1);
    const [, command = ''] = /run: (npx nestjs-integration .*?)\. If two/.exec(text) ?? [];
    expect(await runShell(`${command} --yes`, database)).toMatchObject({ status: 0 });
    await untilServed(again, 'shipping');
  });

  it('is said by the boot of a process that lacks it, seconds after the last one, and status says it too', async () => {
    const before = await startProcess('parcels', ['parcels.a', 'parcels.b']);
    await untilServed(before, 'parcels');
    await before.close();
    apps.splice(0);
    const { app, warnings } = await bootHeard('parcels', ['parcels.a']);
    expect(warnings).toEqual([
      expect.stringMatching(/^No process may work on consumer "parcels" .* has no handler for "parcels\.b"/),
    ]);
    await untilUnserved(app, 'parcels');
  });

  it('is said by the boot also where the last process has died with its lease', async () => {
    const before = await startProcess('letters', ['letters.a', 'letters.b']);
    await untilServed(before, 'letters');
    await before.close();
    apps.splice(0);
    // What a process leaves that was killed a moment ago.
    await database.pool.query(
      `WITH dead AS (
         INSERT INTO integration.integration_process (id, role, host, pid, consumers, handles, seen_at, backend_pid, backend_start)
         VALUES (gen_random_uuid(), 'all', 'dead', 1, '{letters}', '{letters}', clock_timestamp(), 2147483647, '2020-01-01') RETURNING id
       )
       UPDATE integration.inbox_cursor SET lease_owner = dead.id, lease_token = gen_random_uuid(),
         lease_expires_at = clock_timestamp() + interval '1 hour' FROM dead WHERE consumer_name = 'letters'`,
    );
    const { app, warnings } = await bootHeard('letters', ['letters.a']);
    expect(warnings).toHaveLength(1);
    await untilUnserved(app, 'letters');
    await database.pool.query(`DELETE FROM integration.integration_process WHERE host = 'dead'`);
  });

  it('is not said by the boot of a process beside one that serves the consumer', async () => {
    const serving = await startProcess('orders', ['orders.a', 'orders.b']);
    await untilServed(serving, 'orders');
    const { app, warnings } = await bootHeard('orders', ['orders.a']);
    expect(warnings).toEqual([]);
    expect(await stateOf(app, 'orders')).toMatchObject({ unservedSince: null });
  });

  it('is not said while it is new, as in a deployment that adds a name', async () => {
    const old = await startProcess('audit', ['audit.a'], { firstMs: 20, everyMs: 20 });
    await untilServed(old, 'audit');
    await letPass('audit', 60);
    const lines = hearLog();
    // What a new version does before it can take the consumer.
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET event_names = array_append(event_names, 'audit.b') WHERE consumer_name = 'audit'`,
    );
    await until('the old process has given it back', async () => {
      const { rows } = await database.pool.query(
        `SELECT lease_owner FROM integration.inbox_cursor WHERE consumer_name = 'audit'
         AND NOT EXISTS (SELECT FROM integration.integration_process WHERE 'audit' = ANY (consumers))`,
      );
      return rows[0]?.lease_owner === null;
    });
    expect(await stateOf(old, 'audit')).toMatchObject({ owner: null, unservedSince: null });
    expect(lines.all.filter(({ text }) => text.includes('may work on consumer'))).toEqual([]);
    await letPass('audit');
    await lines.find(({ text }) => text.includes('may work on consumer "audit"'));
  });

  it('is not one that is paused, or that another process has taken', async () => {
    const app = await takeNameOut('paused');
    await app.get(ConsumerService).pause('paused');
    expect(await stateOf(app, 'paused')).toMatchObject({ paused: true, unservedSince: null });
    await app.get(ConsumerService).resume('paused');
    await untilUnserved(app, 'paused');
    const other = await startProcess('paused', ['paused.a', 'paused.b']);
    await untilServed(other, 'paused');
    expect(await stateOf(app, 'paused')).toMatchObject({ unservedSince: null });
  });
});
