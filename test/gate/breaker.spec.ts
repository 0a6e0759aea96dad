import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { GateTarget } from '../../src/gate/gate-limit.js';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { ends, type GateProcess, gateProcess, gateProcesses, target, tryOnce } from './processes.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => emptyTables(database.pool, 'integration.connector_gate'));

const OPEN_MS = 60_000;
const of = target();
const other: GateTarget = { key: 'connection:2', others: [], limits: [] };

function processes(count: number): GateProcess[] {
  return gateProcesses(count, database, { breakerFailures: 3, breakerOpenMs: OPEN_MS });
}

async function open(process: GateProcess): Promise<void> {
  for (let n = 0; n < 3; n++) expect(await ends(process, of, 'failed')).toBe('sent');
}

/** The time of the breaker is over for everybody, without waiting for it. */
async function letItTry(): Promise<void> {
  await database.pool.query(
    `UPDATE integration.connector_gate SET probe_until = clock_timestamp() - interval '1 second' WHERE breaker IS NOT NULL`,
  );
}

/** Processes ask the row again once what they have read is a second old. */
async function untilSent(process: GateProcess, options: { probeMs?: number } = {}) {
  return until('a request is let through', async () => {
    const { pass } = await tryOnce(process, of, options);
    return pass;
  });
}

describe('a circuit breaker', () => {
  it('opens after so many failures in a row, for all processes, and for no other connection', async () => {
    const [one, two] = processes(2);
    if (one === undefined || two === undefined) throw new Error('two processes');
    await ends(one, of, 'failed');
    await ends(one, of, 'failed');
    await ends(one, of, 'worked');
    await open(one);
    expect(one.opened).toBe(1);
    const refused = (await tryOnce(one, of, { waitMs: 30_000 })).refused;
    expect(refused).toMatchObject({ why: 'open' });
    expect(refused?.waitMs).toBeGreaterThan(OPEN_MS - 10_000);
    expect((await tryOnce(two, of, { waitMs: 30_000 })).refused).toMatchObject({ why: 'open' });
    expect(await ends(one, other, 'worked')).toBe('sent');
  });

  it('does not open by requests that nobody wanted any more', async () => {
    const [one] = processes(1);
    for (let n = 0; n < 10; n++) expect(await ends(one as GateProcess, of, 'unknown')).toBe('sent');
  });

  it('lets one request of all processes try when its time is over, and closes when that works', async () => {
    const four = processes(4);
    const [one] = four;
    await open(one as GateProcess);
    await letItTry();
    for (const each of four) each.gate.forget(of.key);
    const tries = await Promise.all(four.flatMap((each) => [tryOnce(each, of), tryOnce(each, of)]));
    const passes = tries.flatMap(({ pass }) => pass ?? []);
    expect(passes).toHaveLength(1);
    expect(tries.filter(({ refused }) => refused?.why === 'open')).toHaveLength(7);
    await passes[0]?.ended('worked');
    for (const each of four) await (await untilSent(each)).ended('worked');
  });

  it('stays open when the request that tries fails', async () => {
    const [one, two] = processes(2);
    if (one === undefined || two === undefined) throw new Error('two processes');
    await open(one);
    await letItTry();
    const pass = await untilSent(two);
    await pass.ended('failed');
    for (const each of [one, two]) {
      each.gate.forget(of.key);
      const { refused } = await tryOnce(each, of);
      expect(refused).toMatchObject({ why: 'open' });
      expect(refused?.waitMs).toBeGreaterThan(OPEN_MS - 10_000);
    }
  });

  it('is tried by another process when the one that tries dies, and what comes too late decides nothing', async () => {
    const [one, two, three] = processes(3);
    if (one === undefined || two === undefined || three === undefined) throw new Error('three processes');
    await open(one);
    await letItTry();
    const stalled = await untilSent(one, { probeMs: 100 });
    const next = await untilSent(two);
    await stalled.ended('worked');
    three.gate.forget(of.key);
    expect((await tryOnce(three, of)).refused).toMatchObject({ why: 'open' });
    await next.ended('worked');
    await untilSent(three);
  });

  it('is tried again at once when the request that tries was given up', async () => {
    const [one, two] = processes(2);
    if (one === undefined || two === undefined) throw new Error('two processes');
    await open(one);
    await letItTry();
    await (await untilSent(one)).ended('unknown');
    two.gate.forget(of.key);
    expect((await tryOnce(two, of)).pass).toBeDefined();
  });

  it('is not opened again by failures from before it was closed', async () => {
    const [one, two] = processes(2);
    if (one === undefined || two === undefined) throw new Error('two processes');
    await ends(two, of, 'failed');
    await ends(two, of, 'failed');
    await open(one);
    two.gate.forget(of.key);
    expect(await ends(two, of, 'worked')).toBe('open');
    await letItTry();
    await (await untilSent(one)).ended('worked');
    expect(await (await untilSent(two)).ended('failed')).toBe(false);
    expect(two.opened).toBe(0);
    expect(await ends(two, of, 'worked')).toBe('sent');
  });

  it('holds in its process where the database is away, which is said', async () => {
    const process = gateProcess(database, { breakerFailures: 1 });
    const { pass } = await tryOnce(process, of);
    process.store.open = () => Promise.reject(new Error('the database is away'));
    await pass?.ended('failed');
    expect((await tryOnce(process, of)).refused).toMatchObject({ why: 'open' });
    expect(process.failures).toEqual([expect.stringContaining('the database is away')]);
  });
});
