import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type AdminApp, startAdminApp } from '../admin/admin-app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* Heat maps have the figures of the hours and of the minutes behind them, and REST and the command say the same. */

const HOUR_MS = 3_600_000;
const NOW_HOUR = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const hoursAgo = (hours: number) => new Date(NOW_HOUR - hours * HOUR_MS);
const RANGE = `from=${hoursAgo(10).toISOString()}&to=${hoursAgo(0).toISOString()}&step=3600`;

let database: TestDatabase;
let admin: AdminApp;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await startAdminApp(database);
  // The hours end six hours ago. What the minutes have of that time as well does not count again.
  await database.pool.query(
    `INSERT INTO integration.integration_hour (consumer_name, at, handled, failed, latency)
     SELECT name, $1::timestamptz, handled, failed, latency FROM (VALUES
       ('', 30, 9, '{10,20}'::int[]), ('billing', 10, 9, '{10,0}'), ('mail', 20, 0, '{0,20}')) AS t (name, handled, failed, latency)`,
    [hoursAgo(7)],
  );
  await database.pool.query(
    `INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
     SELECT name, at, gen_random_uuid(), at + interval '1 minute', handled, failed, latency FROM (VALUES
       ('billing', $1::timestamptz, 10, 9, '{10,0}'::int[]),
       ('billing', $2::timestamptz, 5, 2, '{5,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1}'),
       ('billing', $2::timestamptz + interval '59 minutes', 1, 1, '{1}'),
       ('mail', $2::timestamptz, 7, 0, '{0,0,7}'),
       ('stock', $2::timestamptz, 0, 4, '{}')) AS t (name, at, handled, failed, latency)`,
    [hoursAgo(7), hoursAgo(2)],
  );
  await database.pool.query(
    `INSERT INTO integration.integration_sample (consumer_name, partition, at, head, backlog, dead) VALUES ('billing', 0, $1::timestamptz + interval '7 minutes', 1, 0, 0)`,
    [hoursAgo(5)],
  );
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

interface Step {
  readonly at: string;
  readonly handled: number | null;
  readonly failed: number | null;
  readonly latency: number[] | null;
}
/** In one of these steps a process has measured that nothing was done. Of the others nothing is known. */
const IDLE = 5;
const KNOWN = [3, IDLE, 8];
const at = (n: number, value: number) =>
  Array.from({ length: 10 }, (_, step) => (step === n ? value : KNOWN.includes(step) ? 0 : null));

it('has the hours, and the minutes behind them, each once', async () => {
  const { status, json } = await admin.ask(`heat?${RANGE}`);
  expect(status).toBe(200);
  expect(json.latencyBounds).toHaveLength(16);
  expect(json.latencyBounds.at(-1)).toBeNull();
  const done = (json.steps as Step[]).flatMap(({ handled, failed, latency }, n) =>
    latency === null || (handled === 0 && failed === 0)
      ? []
      : [{ n, handled, failed, latency: [latency.slice(0, 3), latency.at(-1)] }],
  );
  expect(json.steps).toHaveLength(10);
  expect(done).toEqual([
    { n: 3, handled: 30, failed: 9, latency: [[10, 20, 0], 0] },
    { n: 8, handled: 13, failed: 7, latency: [[6, 0, 7], 1] },
  ]);
  const billing = at(3, 9);
  billing[8] = 3;
  expect(json.failing).toEqual([
    { consumerName: 'billing', failed: 12, steps: billing },
    { consumerName: 'stock', failed: 4, steps: at(8, 4) },
  ]);
  expect(json.others).toEqual({ consumers: 0, failed: 0, steps: at(IDLE, 0) });
});

it('folds what is beyond the limit, and a consumer has only its own', async () => {
  const folded = (await admin.ask(`heat?${RANGE}&limit=1`)).json;
  expect(folded.failing.map(({ consumerName }: { consumerName: string }) => consumerName)).toEqual([
    'billing',
  ]);
  expect(folded.others).toEqual({ consumers: 1, failed: 4, steps: at(8, 4) });
  const mail = (await admin.ask(`heat?${RANGE}&consumer=mail`)).json;
  expect(mail.failing).toEqual([]);
  const handled = at(3, 20);
  handled[8] = 7;
  expect((mail.steps as Step[]).map((step) => step.handled)).toEqual(handled);
});

it('says that nothing is known where no process has measured, and 0 where one has', async () => {
  const { steps } = (await admin.ask(`heat?${RANGE}`)).json as { steps: Step[] };
  for (const [n, { handled, failed, latency }] of steps.entries()) {
    if (n === IDLE) expect([handled, failed, latency]).toEqual([0, 0, Array(16).fill(0)]);
    else if (!KNOWN.includes(n)) expect([n, handled, failed, latency]).toEqual([n, null, null, null]);
  }
  const whole = (await admin.ask(`heat?from=${hoursAgo(40).toISOString()}&to=${hoursAgo(20).toISOString()}`))
    .json;
  expect(whole.steps.every((step: Step) => step.latency === null)).toBe(true);
});

it('is the same in the command', async () => {
  const words = ['heat', '--since', hoursAgo(10).toISOString(), '--until', hoursAgo(0).toISOString()];
  const { result } = await runJsonCommand([...words, '--step', '3600', '--limit', '1'], database);
  const { json } = await admin.ask(`heat?${RANGE}&limit=1`);
  for (const field of ['from', 'step', 'latencyBounds', 'steps', 'failing', 'others'])
    expect([field, result[field]]).toEqual([field, json[field]]);
  const { stdout } = await runCommand([...words, '--step', '3600', '--limit', '1'], database);
  expect(stdout).toMatch(/billing +12 +\|···█· ··▃·\|/);
  expect(stdout).toMatch(/1 other +4 +\|··· · ··▄·\|/);
  expect(stdout).toMatch(/up to 0\.01 s +20 /);
});

it('has minutes of an hour, hours of a day, and refuses minutes of more', async () => {
  const stepOf = async (hours: number) =>
    (await admin.ask(`heat?from=${new Date(Date.now() - hours * HOUR_MS).toISOString()}`)).json.step;
  expect([await stepOf(1), await stepOf(6), await stepOf(24), await stepOf(168), await stepOf(720)]).toEqual([
    60, 300, 3_600, 21_600, 86_400,
  ]);
  const week = new Date(Date.now() - 168 * HOUR_MS).toISOString();
  expect((await admin.ask(`heat?from=${week}&step=900`)).status).toBe(400);
  expect((await admin.ask('heat?limit=501')).status).toBe(400);
});
