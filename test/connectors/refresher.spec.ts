import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { CurrentToken } from '../../src/connectors/credentials/refresher.js';
import type { TokenAnswer } from '../../src/connectors/oauth/token-answer.js';
import type { EngineDatabase } from '../../src/database/engine-database.js';
import { gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import {
  expire,
  expiredConnection,
  Grant,
  type Owner,
  ownerOn,
  refreshable,
  tokenRow,
} from './refresh-owner.js';

const HANGING = () => new Promise<TokenAnswer>(() => {});

let never: AbortSignal;
let database: TestDatabase;
let owners: Owner[];
let grant: Grant;
let of: { id: string; tenantId: string };

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

beforeEach(async () => {
  never = new AbortController().signal;
  owners = [ownerOn(database), ownerOn(database), ownerOn(database)];
  grant = new Grant();
  of = await expiredConnection(owner(0));
});
afterEach(async () => {
  await Promise.all(owners.map((each) => each.close()));
});

function owner(i: number): Owner {
  return owners[i] as Owner;
}

/** An owner that dies is one whose answer never comes. It is not closed, because it would be waited for. */
function dead(): Owner {
  const one = ownerOn(database);
  owners.push({ ...one, close: () => one.db.close() });
  return one;
}

const asking = () => refreshable(of, (token) => grant.answer(token?.refreshToken));
const textOf = ({ tokens }: CurrentToken) => tokens.accessToken;

describe('several processes with many callers', () => {
  it('ask the provider once for each expiry, one at a time', async () => {
    const expiries = 20;
    for (let round = 1; round <= expiries; round++) {
      for (const each of owners) each.refresher.forget();
      const calls = owners.flatMap((each) =>
        Array.from({ length: 20 }, () => each.refresher.get(asking(), never)),
      );
      const tokens = new Set((await Promise.all(calls)).map(textOf));
      expect([...tokens]).toEqual([`access-${round + 1}`]);
      await expire(database, of);
    }
    expect(grant).toMatchObject({ exchanged: expiries, isRevoked: false, mostAtOnce: 1 });
    expect(await tokenRow(database, of)).toMatchObject({
      generation: expiries + 1,
      versions: [expiries + 1],
      lease_token: null,
    });
  });
});

describe('a process that has read a token', () => {
  it('does not ask with it if another one has got the next one meanwhile', async () => {
    const isClaim = (sql: string) => sql.includes('SET lease_token = $3');
    const slow = ownerOn(database, {}, (db) =>
      Object.create(db, {
        query: {
          value: async (sql: string, params: unknown[]) => {
            if (isClaim(sql)) await owner(0).refresher.get(asking(), never);
            return db.query(sql, params);
          },
        },
      }),
    );
    owners.push(slow);
    expect(textOf(await slow.refresher.get(asking(), never))).toBe('access-2');
    expect(grant).toMatchObject({ exchanged: 1, isRevoked: false });
  });
});

describe('a process that dies', () => {
  it('before the provider has done anything costs its lease, and another one goes on', async () => {
    dead()
      .refresher.get(refreshable(of, HANGING), never)
      .catch(() => {});
    await until('it has the lease', async () => (await tokenRow(database, of)).lease_token !== null);
    expect(textOf(await owner(0).refresher.get(asking(), never))).toBe('access-2');
    expect(grant).toMatchObject({ exchanged: 1, isRevoked: false });
  });

  it('after the provider has rotated, and before the save, leaves a grant that a person has to renew', async () => {
    const rotated = refreshable(of, (token) => {
      grant.exchange(token?.refreshToken);
      return HANGING();
    });
    dead()
      .refresher.get(rotated, never)
      .catch(() => {});
    await until('it has rotated', async () => grant.exchanged === 1);
    await expect(owner(0).refresher.get(asking(), never)).rejects.toMatchObject({
      code: 'INTEGRATION_REAUTHORIZATION_REQUIRED',
    });
    // Nothing is deleted by a failure.
    expect(await tokenRow(database, of)).toMatchObject({
      generation: 1,
      versions: [1],
      health: 'needs_reauthorization',
    });
  });

  it('after the save has left its token to the others', async () => {
    await owner(1).refresher.get(asking(), never);
    expect(textOf(await owner(0).refresher.get(refreshable(of, HANGING), never))).toBe('access-2');
  });
});

describe('a process that is stalled for longer than its lease', () => {
  it('saves nothing if another one has claimed meanwhile, and uses what that one got', async () => {
    let answer = (_: TokenAnswer) => {};
    const stalled = owner(1).refresher.get(
      refreshable(of, () => new Promise((resolve) => (answer = resolve))),
      never,
    );
    await until('it has the lease', async () => (await tokenRow(database, of)).lease_token !== null);
    await owner(0).refresher.get(asking(), never);
    answer({ is: 'tokens', tokens: { accessToken: 'stalled', refreshToken: 'stalled' } });
    expect(textOf(await stalled)).toBe('access-2');
    expect(owner(1).outcomes).toEqual(['late']);
    expect(await tokenRow(database, of)).toMatchObject({ generation: 2, versions: [2] });
    owner(2).refresher.forget();
    expect(textOf(await owner(2).refresher.get(asking(), never))).toBe('access-2');
  });

  it('saves what it got if nobody has claimed, because nobody else has the refresh token', async () => {
    const { refresher } = owner(1);
    const token = await refresher.get(
      refreshable(of, async () => {
        await database.pool.query(
          `UPDATE integration.connection_token SET lease_expires_at = clock_timestamp() - interval '1 second'`,
        );
        return { is: 'tokens', tokens: { accessToken: 'late', refreshToken: 'late', expiresInSeconds: 60 } };
      }),
      never,
    );
    expect([textOf(token), (await tokenRow(database, of)).generation]).toEqual(['late', 2]);
  });

  it('believes no invalid_grant if another one has succeeded', async () => {
    let answer = (_: TokenAnswer) => {};
    const stalled = owner(1).refresher.get(
      refreshable(of, () => new Promise((resolve) => (answer = resolve))),
      never,
    );
    await until('it has the lease', async () => (await tokenRow(database, of)).lease_token !== null);
    await owner(0).refresher.get(asking(), never);
    answer({ is: 'dead', reason: 'invalid_grant' });
    expect(textOf(await stalled)).toBe('access-2');
    expect(await tokenRow(database, of)).toMatchObject({ health: 'unknown', generation: 2 });
  });
});

describe('a request for a token', () => {
  it('has ended before another process may begin one, whatever the settings are at this moment', async () => {
    const hasty = ownerOn(database, { refreshTimeoutMs: 200, refreshLeaseMs: 100 });
    owners.push(hasty);
    let isLeased: unknown;
    const ending = refreshable(of, async (_, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      const { rows } = await database.pool.query(
        'SELECT lease_expires_at > clock_timestamp() AS held FROM integration.connection_token WHERE connection_id = $1',
        [of.id],
      );
      isLeased = rows[0].held;
      return { is: 'failed', reason: 'it did not answer in time' };
    });
    await expect(hasty.refresher.get(ending, never)).rejects.toThrow('did not answer in time');
    expect(isLeased).toBe(true);
  });
});

describe('a grant that is dead', () => {
  it('is said once, and the credentials stay', async () => {
    grant.isRevoked = true;
    const calls = owners.flatMap((each) =>
      Array.from({ length: 5 }, () => each.refresher.get(asking(), never)),
    );
    const codes = (await Promise.allSettled(calls)).map((each) =>
      each.status === 'rejected' ? each.reason.code : 'none',
    );
    expect(new Set(codes)).toEqual(new Set(['INTEGRATION_REAUTHORIZATION_REQUIRED']));
    const { rows } = await database.pool.query(
      `SELECT event_name FROM integration.outbox_event WHERE aggregate_id = $1`,
      [of.id],
    );
    expect(rows).toEqual([{ event_name: 'integration.connection.reauthorization_required' }]);
    expect((await tokenRow(database, of)).versions).toEqual([1]);
  });
});

describe('a provider that fails', () => {
  const failing = () => refreshable(of, async () => ({ is: 'failed', reason: 'status 503' }));

  it('is left alone for a while by all processes', async () => {
    await expect(owner(0).refresher.get(failing(), never)).rejects.toMatchObject({
      code: 'INTEGRATION_TOKEN_REFRESH_FAILED',
    });
    await expect(owner(1).refresher.get(asking(), never)).rejects.toMatchObject({
      code: 'INTEGRATION_TOKEN_BACKOFF',
      details: { retryAfterMs: expect.any(Number) },
    });
    expect(grant.exchanged).toBe(0);
    expect(await tokenRow(database, of)).toMatchObject({ failures: 1, versions: [1], health: 'failing' });
  });

  it('keeps nobody from using a token that is valid', async () => {
    await setLeft(of, 3);
    for (let call = 0; call < 3; call++)
      expect(textOf(await owner(0).refresher.get(failing(), never))).toBe('access-1');
  });

  it('is not waited for by whoever has a valid token', async () => {
    await setLeft(of, 3);
    expect(textOf(await dead().refresher.get(refreshable(of, HANGING), never))).toBe('access-1');
  });

  it('keeps no caller longer than the caller wants', async () => {
    dead()
      .refresher.get(refreshable(of, HANGING), never)
      .catch(() => {});
    await until('it has the lease', async () => (await tokenRow(database, of)).lease_token !== null);
    const waited = owner(0).refresher.get(asking(), AbortSignal.timeout(50));
    await expect(waited).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('an answer', () => {
  it('without a refresh token leaves the one before', async () => {
    const kept = refreshable(of, async () => ({
      is: 'tokens',
      tokens: { accessToken: 'next', expiresInSeconds: 60 },
    }));
    const { tokens } = await owner(0).refresher.get(kept, never);
    owner(1).refresher.forget();
    const read = await owner(1).refresher.get(kept, never);
    expect([tokens.refreshToken, read.tokens.refreshToken]).toEqual(['refresh-1', 'refresh-1']);
  });

  it('that could not be saved at first is saved later, because it is the only one', async () => {
    let failures = 2;
    const flaky = ownerOn(database, {}, (db) =>
      Object.create(db, {
        transaction: {
          value: async (...given: Parameters<EngineDatabase['transaction']>) => {
            if (failures-- > 0) throw new Error('the server is away');
            return db.transaction(...given);
          },
        },
      }),
    );
    owners.push(flaky);
    expect(textOf(await flaky.refresher.get(asking(), never))).toBe('access-2');
    expect(await tokenRow(database, of)).toMatchObject({ generation: 2, versions: [2] });
    expect(grant.exchanged).toBe(1);
  });

  it('is saved by a process that is stopping while the database is away', async () => {
    let failures = 0;
    let isStopping = false;
    const flaky = ownerOn(database, {}, (db) =>
      Object.create(db, {
        transaction: {
          value: async (...given: Parameters<EngineDatabase['transaction']>) => {
            // It comes back after three more attempts, of which the first is made at the stop.
            if (!isStopping || failures < 3) {
              if (isStopping) failures++;
              failed.open();
              throw new Error('the server is away');
            }
            return db.transaction(...given);
          },
        },
      }),
    );
    const failed = gate();
    owners.push(flaky);
    const asked = flaky.refresher.get(asking(), never);
    await failed.opened;
    isStopping = true;
    await flaky.refresher.stop();
    expect(textOf(await asked)).toBe('access-2');
    expect(await tokenRow(database, of)).toMatchObject({ generation: 2, versions: [2] });
  });
});

/** The token is valid for some seconds, and is to be replaced. */
async function setLeft({ id }: { id: string }, seconds: number): Promise<void> {
  await database.pool.query(
    `UPDATE integration.connection_token SET expires_at = clock_timestamp() + $2 * interval '1 second',
       refreshed_at = clock_timestamp() - interval '1 hour' WHERE connection_id = $1`,
    [id, seconds],
  );
}
