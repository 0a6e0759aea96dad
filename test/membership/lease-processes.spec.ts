import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom } from 'rxjs';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startProcess, type WorkerProcess } from '../support/worker-process.js';

/* Processes that save under leases, again and again. Each save is a row with a number that the table gives it. */

interface HolderLine {
  readonly held?: string;
  readonly refused?: string;
  readonly ended?: string;
  readonly token: number;
}
type Holder = WorkerProcess<HolderLine>;

const LONG_MS = 600_000;

let database: TestDatabase;
let holders: Holder[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    'CREATE TABLE save (id bigserial PRIMARY KEY, name text NOT NULL, token bigint NOT NULL, pid int NOT NULL)',
  );
});
afterEach(async () => {
  for (const holder of holders) {
    holder.kill('SIGCONT');
    holder.kill('SIGKILL');
  }
  await Promise.all(holders.map(({ ended }) => ended));
  holders = [];
  await database.drop();
});

function start(names: readonly string[], processingLeaseMs: number): Holder {
  const holder = startProcess<HolderLine>('lease-holder.mjs', {
    DATABASE_URL: database.url,
    NAMES: JSON.stringify(names),
    SETTINGS: JSON.stringify({ processingLeaseMs }),
  });
  holders.push(holder);
  return holder;
}

const next = (holder: Holder, matches: (line: HolderLine) => boolean) =>
  firstValueFrom(holder.lines$.pipe(filter(matches)));
const holds = (holder: Holder, name: string) => next(holder, ({ held }) => held === name);

/** Resolves when this process has saved something after what is saved now. */
async function saves(holder: Holder, name: string): Promise<void> {
  const { rows: now } = await database.pool.query('SELECT coalesce(max(id), 0) AS id FROM save');
  await until('it has saved', async () => {
    const { rows } = await database.pool.query(
      'SELECT FROM save WHERE id > $1 AND pid = $2 AND name = $3 LIMIT 1',
      [now[0].id, holder.pid, name],
    );
    return rows.length > 0;
  });
}

/** How many saves were made under a token that is lower than the one of a save before them. */
async function savedLate(): Promise<number> {
  const { rows } = await database.pool.query<{ late: number }>(
    `SELECT count(*)::int AS late FROM (
       SELECT token, max(token) OVER (PARTITION BY name ORDER BY id) AS highest FROM save) AS s WHERE token < highest`,
  );
  return rows[0]?.late ?? 0;
}

describe('a process that is killed', () => {
  it('is replaced long before its lease runs out, and nothing is saved under its token then', async () => {
    const victim = start(['n'], LONG_MS);
    const { token } = await holds(victim, 'n');
    const heir = start(['n'], LONG_MS);
    await saves(victim, 'n');
    victim.kill('SIGKILL');
    expect(await victim.ended).toBe('SIGKILL');
    expect((await holds(heir, 'n')).token).toBeGreaterThan(token);
    await saves(heir, 'n');
    expect(await savedLate()).toBe(0);
  });

  it('gives its leases back at once if it is asked to end', async () => {
    const leaving = start(['n'], LONG_MS);
    const { token } = await holds(leaving, 'n');
    leaving.kill('SIGTERM');
    expect(await leaving.ended).toBe(0);
    const { rows } = await database.pool.query(
      'SELECT owner, token::float8 AS token FROM integration.integration_lease',
    );
    expect(rows).toEqual([{ owner: null, token: token + 1 }]);
  });
});

describe('a process that stalls for longer than its lease', () => {
  it('finds another token when it wakes: its save is refused, and its work ends', async () => {
    const stalled = start(['n'], 2_000);
    const { token } = await holds(stalled, 'n');
    await saves(stalled, 'n');
    const heir = start(['n'], 2_000);
    stalled.kill('SIGSTOP');
    await holds(heir, 'n');
    await saves(heir, 'n');
    const { rows: before } = await database.pool.query('SELECT max(id) AS id FROM save WHERE token = $1', [
      token,
    ]);
    stalled.kill('SIGCONT');
    await next(stalled, (line) => line.ended === 'n' && line.token === token);
    await saves(heir, 'n');
    expect(await savedLate()).toBe(0);
    const { rows: after } = await database.pool.query('SELECT max(id) AS id FROM save WHERE token = $1', [
      token,
    ]);
    // One save may have been under way on the server when the process was stopped.
    expect(Number(after[0].id) - Number(before[0].id)).toBeLessThanOrEqual(1);
  });
});

it('whatever is killed and stopped, no save comes under a token that somebody else has followed', async () => {
  const names = ['a', 'b', 'c', 'd'];
  const first = [1, 2, 3].map(() => start(names, 2_000));
  await Promise.all(names.map((name) => Promise.race(first.map((holder) => holds(holder, name)))));
  let alive = first;
  for (let round = 0; round < 3; round++) {
    const [stopped, killed] = alive;
    stopped?.kill('SIGSTOP');
    killed?.kill('SIGKILL');
    alive = [...alive.slice(2), start(names, 2_000)];
    for (const name of names) {
      const { rows: now } = await database.pool.query('SELECT coalesce(max(id), 0) AS id FROM save');
      await until('somebody who lives saves', async () => {
        const { rows } = await database.pool.query(
          'SELECT FROM save WHERE id > $1 AND name = $2 AND pid = ANY ($3::int[]) LIMIT 1',
          [now[0].id, name, alive.map(({ pid }) => pid)],
        );
        return rows.length > 0;
      });
    }
    stopped?.kill('SIGCONT');
    if (stopped !== undefined) alive.push(stopped);
  }
  expect(await savedLate()).toBe(0);
  const { rows } = await database.pool.query(
    'SELECT name, count(DISTINCT token)::int AS takings FROM save GROUP BY 1',
  );
  expect(rows.length).toBe(names.length);
  expect(Math.max(...rows.map(({ takings }) => takings))).toBeGreaterThan(1);
}, 120_000);
