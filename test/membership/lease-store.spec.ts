import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import type { SqlClient } from '../../src/index.js';
import { LeaseStore } from '../../src/membership/leases/lease.store.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const LONG_MS = 600_000;

let database: TestDatabase;
let others: pg.PoolClient[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  await database.pool.query(`INSERT INTO invoice (id) VALUES ('i')`);
});
afterEach(async () => {
  for (const other of others) other.release(true);
  others = [];
  await database.drop();
});

/** A store with a connection of its own. */
const store = () => new LeaseStore(database.engine());

/** Somebody with a transaction of their own. */
async function other(): Promise<pg.PoolClient> {
  const client = await database.pool.connect();
  others.push(client);
  await client.query('BEGIN');
  return client;
}

const asSqlClient = (client: pg.PoolClient): SqlClient => ({
  $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) =>
    (await client.query(sql, values)).rows as T,
  $executeRawUnsafe: async (sql, ...values) => (await client.query(sql, values)).rowCount ?? 0,
});

/** How many sessions wait for a lock. */
async function waiting(): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows[0]?.n ?? 0;
}

async function tokenOf(name: string): Promise<number | undefined> {
  const { rows } = await database.pool.query<{ token: string }>(
    'SELECT token FROM integration.integration_lease WHERE name = $1',
    [name],
  );
  return rows[0] && Number(rows[0].token);
}

async function take(from: LeaseStore, name: string, owner: string, dead: string[] = []) {
  const [lease] = await from.take([name], owner, LONG_MS, dead);
  return lease;
}

describe('a lease', () => {
  it('is taken by one process, and by another one when it was given back, has run out, or its owner is dead', async () => {
    const leases = store();
    const [a, b] = [randomUUID(), randomUUID()];
    const first = await take(leases, 'n', a);
    expect(first).toEqual({ name: 'n', token: expect.any(Number) });
    expect(await take(leases, 'n', b)).toBeUndefined();
    expect(await take(leases, 'n', b, [randomUUID()])).toBeUndefined();
    expect(await take(leases, 'n', b, [a])).toMatchObject({ name: 'n' });
    await database.pool.query(`UPDATE integration.integration_lease SET expires_at = now()`);
    const third = await take(leases, 'n', a);
    expect(third).toMatchObject({ name: 'n' });
    if (third !== undefined) await leases.giveBack([third]);
    expect(await take(leases, 'n', b)).toMatchObject({ name: 'n' });
  });

  it('has a greater token with each taking, whatever became of the row and of the clock', async () => {
    const leases = store();
    const owner = randomUUID();
    const tokens: number[] = [];
    const next = async () => {
      const lease = await take(leases, 'n', owner);
      expect(lease?.token).toBe(await tokenOf('n'));
      tokens.push(lease?.token ?? 0);
    };
    await next();
    await next();
    // The server has lost the last takings, or is another one.
    await database.pool.query('UPDATE integration.integration_lease SET token = 4');
    await next();
    await database.pool.query('DELETE FROM integration.integration_lease');
    await next();
    // The clock of the server was an hour ahead, and is set right.
    await database.pool.query('UPDATE integration.integration_lease SET token = token + 3600000000');
    tokens.push((await tokenOf('n')) ?? 0);
    await next();
    const rising = [...new Set(tokens)].sort((a, b) => a - b);
    expect(tokens).toEqual(rising);
    expect(tokens.every(Number.isSafeInteger)).toBe(true);
  });

  it('that was given back fences off what its owner left behind, before anybody else has taken it', async () => {
    const leases = store();
    const lease = await take(leases, 'n', randomUUID());
    if (lease === undefined) throw new Error('it was free');
    await leases.giveBack([lease]);
    const tx = await other();
    expect(await leases.fence(asSqlClient(tx), lease, LONG_MS)).toBe(false);
  });

  it('is given back by its own token only', async () => {
    const leases = store();
    const a = randomUUID();
    const former = await take(leases, 'n', a);
    const b = randomUUID();
    const lease = await take(leases, 'n', b, [a]);
    if (former !== undefined) await leases.giveBack([former]);
    expect(await take(leases, 'n', randomUUID())).toBeUndefined();
    expect(await tokenOf('n')).toBe(lease?.token);
  });

  it('with a name of 127 wide characters is as good as any', async () => {
    const name = '𠀀'.repeat(127);
    const lease = await take(store(), name, randomUUID());
    expect(lease?.name).toBe(name);
  });
});

describe('of takers that race', () => {
  it('one gets each name, over and over again', async () => {
    const stores = Array.from({ length: 4 }, store);
    const names = Array.from({ length: 30 }, (_, n) => `n${n}`);
    for (let round = 0; round < 10; round++) {
      const taken = await Promise.all(
        stores.map((leases) => leases.take([...names].reverse(), randomUUID(), LONG_MS, [])),
      );
      expect(
        taken
          .flat()
          .map(({ name }) => name)
          .sort(),
      ).toEqual([...names].sort());
      await database.pool.query(
        round % 2 === 0
          ? `UPDATE integration.integration_lease SET expires_at = now()`
          : 'DELETE FROM integration.integration_lease',
      );
    }
  });

  it('at most one gets a name whose row somebody held when they came', async () => {
    const a = randomUUID();
    await take(store(), 'n', a);
    const save = await other();
    await save.query('SELECT FROM integration.integration_lease FOR SHARE');
    let settled = 0;
    const takings = [store(), store()].map((leases) =>
      take(leases, 'n', randomUUID(), [a]).finally(() => {
        settled++;
      }),
    );
    await until('both have passed over it, or wait', async () => settled + (await waiting()) === 2);
    await save.query('COMMIT');
    const taken = await Promise.all(takings);
    expect(taken.filter((lease) => lease !== undefined).length).toBeLessThanOrEqual(1);
  });
});

describe('a save', () => {
  const SAVE = `UPDATE invoice SET total = total + 1 WHERE id = 'i'`;

  it.each(['a condition of its statement', 'the first statement of its transaction'])(
    'under a former token, fenced by %s, saves nothing',
    async (way) => {
      const leases = store();
      const a = randomUUID();
      const former = await take(leases, 'n', a);
      const lease = await take(leases, 'n', randomUUID(), [a]);
      if (former === undefined || lease === undefined) throw new Error('they were free');
      const saved = async ({ name, token }: { name: string; token: number }) => {
        const tx = await other();
        const { rowCount } = way.startsWith('a condition')
          ? await tx.query(`${SAVE} AND ${leases.fenceSql(1, LONG_MS)}`, [name, String(token)])
          : { rowCount: (await leases.fence(asSqlClient(tx), { name, token }, LONG_MS)) ? 1 : 0 };
        await tx.query('COMMIT');
        return rowCount;
      };
      expect([await saved(former), await saved(lease)]).toEqual([0, 1]);
    },
  );

  it('that is under way is waited for: nobody takes the lease before it has committed', async () => {
    const leases = store();
    const a = randomUUID();
    const lease = await take(leases, 'n', a);
    if (lease === undefined) throw new Error('it was free');
    const holder = await other();
    await holder.query(`SELECT FROM invoice WHERE id = 'i' FOR UPDATE`);
    const save = await other();
    const saved = save.query(`${SAVE} AND ${leases.fenceSql(1, LONG_MS)}`, [lease.name, String(lease.token)]);
    await until('the save waits for the row of the invoice', async () => (await waiting()) === 1);
    const b = randomUUID();
    const taker = store();
    expect(await take(taker, 'n', b, [a])).toBeUndefined();
    await holder.query('COMMIT');
    expect((await saved).rowCount).toBe(1);
    expect(await take(taker, 'n', b, [a])).toBeUndefined();
    await save.query('COMMIT');
    expect(await take(taker, 'n', b, [a])).toMatchObject({ name: 'n' });
  });

  it.each(['READ COMMITTED', 'REPEATABLE READ'])(
    'that comes during a taking waits for it and saves nothing, also in a transaction that is %s',
    async (isolation) => {
      const leases = store();
      const lease = await take(leases, 'n', randomUUID());
      if (lease === undefined) throw new Error('it was free');
      const save = await other();
      await save.query(`SET TRANSACTION ISOLATION LEVEL ${isolation}`);
      await save.query('SELECT FROM invoice');
      const taking = await other();
      await taking.query('UPDATE integration.integration_lease SET token = token + 1');
      const outcome = leases
        .fence(asSqlClient(save), lease, LONG_MS)
        .catch((error: { code: string }) => error.code);
      await until('the save waits', async () => (await waiting()) === 1);
      await taking.query('COMMIT');
      expect(await outcome).toBe(isolation === 'READ COMMITTED' ? false : '40001');
    },
  );
});

describe.each([
  ['a condition of its statement', true],
  ['the first statement of its transaction', false],
])('a save fenced by %s', (_, isCondition) => {
  /** A lease, and a transaction that has saved under it and not committed. */
  async function saving(idleMs: number, own?: string) {
    const leases = store();
    const lease = await take(leases, 'n', randomUUID());
    if (lease === undefined) throw new Error('it was free');
    const tx = await other();
    tx.on('error', () => {});
    if (own !== undefined) await tx.query(`SET idle_in_transaction_session_timeout = '${own}'`);
    if (isCondition)
      await tx.query(`UPDATE invoice SET total = 1 WHERE ${leases.fenceSql(1, idleMs)}`, [
        lease.name,
        String(lease.token),
      ]);
    else expect(await leases.fence(asSqlClient(tx), lease, idleMs)).toBe(true);
    return { leases, lease, tx };
  }

  it('is no obstacle for a renewal, or for a process that asks for the lease', async () => {
    const { leases } = await saving(LONG_MS);
    const { rows } = await database.pool.query<{ owner: string }>(
      `UPDATE integration.integration_lease SET expires_at = clock_timestamp() + interval '1 hour' WHERE name IN (
         SELECT name FROM integration.integration_lease FOR NO KEY UPDATE SKIP LOCKED) RETURNING owner`,
    );
    expect(rows).toHaveLength(1);
    const asking = randomUUID();
    await leases.ask(['n'], asking, rows[0]?.owner ?? '', 1);
    const { rows: after } = await database.pool.query(
      'SELECT wanted_by AS asking FROM integration.integration_lease',
    );
    expect(after).toEqual([{ asking }]);
  });

  it('keeps the lease from being given back and from being forgotten until it has committed', async () => {
    const { leases, lease, tx } = await saving(LONG_MS);
    const givenBack = leases.giveBack([lease]);
    await until('the giving back waits', async () => (await waiting()) === 1);
    expect(await tokenOf('n')).toBe(lease.token);
    await tx.query('COMMIT');
    await givenBack;
    expect(await tokenOf('n')).toBe(lease.token + 1);
  });

  it('limits how long its transaction may be idle, and leaves a stricter limit and the session as they are', async () => {
    const limit = async (tx: pg.PoolClient) =>
      (await tx.query('SHOW idle_in_transaction_session_timeout')).rows[0]
        ?.idle_in_transaction_session_timeout;
    for (const [own, within] of [
      ['0', '90s'],
      ['5min', '90s'],
      ['1min', '1min'],
      ['1500ms', '1500ms'],
    ]) {
      const { leases, lease, tx } = await saving(90_000, own);
      expect([own, await limit(tx)]).toEqual([own, within]);
      await tx.query('COMMIT');
      expect([own, await limit(tx)]).toEqual([own, own]);
      await leases.giveBack([lease]);
    }
  });

  it('whose process says nothing more is ended by the server, and the lease is taken', async () => {
    const { leases } = await saving(100);
    await database.pool.query(`UPDATE integration.integration_lease SET expires_at = now()`);
    expect(await until('it is taken', () => take(leases, 'n', randomUUID()))).toMatchObject({ name: 'n' });
  });
});

it('a save in a transaction that began before the last renewal is as good as any', async () => {
  const leases = store();
  const lease = await take(leases, 'n', randomUUID());
  if (lease === undefined) throw new Error('it was free');
  const tx = await other();
  await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await tx.query('SELECT FROM invoice');
  await database.pool.query('UPDATE integration.integration_lease SET expires_at = clock_timestamp()');
  expect(await leases.fence(asSqlClient(tx), lease, LONG_MS)).toBe(true);
  expect(await take(leases, 'n', randomUUID())).toBeUndefined();
});

describe('a name that was asked for', () => {
  it('is kept for who has asked when it is given back, and for everybody a while later', async () => {
    const leases = store();
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    const lease = await take(leases, 'n', a);
    if (lease === undefined) throw new Error('it was free');
    await leases.ask(['n', 'none'], b, a, 5);
    await leases.giveBack([lease]);
    expect(await take(leases, 'n', c)).toBeUndefined();
    expect(await take(leases, 'n', b)).toMatchObject({ name: 'n' });

    await leases.ask(['n'], c, b, 1);
    await leases.giveBack([{ name: 'n', token: (await tokenOf('n')) ?? 0 }]);
    await database.pool.query(
      `UPDATE integration.integration_lease SET expires_at = now() - interval '1 minute'`,
    );
    expect(await take(leases, 'n', a)).toMatchObject({ name: 'n' });
  });
});

it('rows that nobody has had for a week are forgotten, and others are not', async () => {
  const leases = store();
  await leases.take(['old', 'new'], randomUUID(), LONG_MS, []);
  await database.pool.query(
    `UPDATE integration.integration_lease SET expires_at = now() - interval '8 days' WHERE name = 'old'`,
  );
  await leases.forgetUnused();
  const { rows } = await database.pool.query('SELECT name FROM integration.integration_lease');
  expect(rows).toEqual([{ name: 'new' }]);
});
