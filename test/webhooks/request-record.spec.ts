import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { tablesOf } from '../../src/database/sql/tables.js';
import {
  deleteOutdatedRecords,
  RequestRecordStore,
} from '../../src/webhooks/incoming/request-record.store.js';
import { KEPT_REFUSALS, SourceTally } from '../../src/webhooks/incoming/source-tally.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { emptied } from './webhook-app.js';

let database: TestDatabase;
let store: RequestRecordStore;
const tables = tablesOf('integration');

beforeAll(async () => {
  database = await createTestDatabase();
  store = new RequestRecordStore({
    tables,
    query: async (sql: string, values: unknown[]) => (await database.pool.query(sql, values)).rows as never,
  });
});
beforeEach(() => emptied(database));
afterAll(() => database.drop());

/** Times of these tests are seconds from a moment a while ago, by the clock of the process and of the database. */
const START = performance.now() - 1_000_000;
const tallyOf = (source = 'github') => new SourceTally(source);
const at = (second: number) => START + second * 1_000;
const write = (...tallies: SourceTally[]) =>
  store.write(tallies.map((each) => each.written(performance.now())));

async function secondsOf(): Promise<Record<'accepted' | 'refused' | 'since' | 'inRow', number | undefined>> {
  const { rows } = await database.pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const start = (rows[0]?.now.getTime() ?? 0) - (performance.now() - START);
  // A time that comes out a little before second 0 is rounded to -0, which is not 0 for Jest: so 0 is added.
  const second = (time: Date | null | undefined) =>
    time == null ? undefined : Math.round((time.getTime() - start) / 1_000) + 0;
  const [row] = await store.times();
  return {
    accepted: second(row?.lastAcceptedAt),
    refused: second(row?.lastRefusedAt),
    since: second(row?.refusedSince),
    inRow: row?.refusedInRow ?? 0,
  };
}

interface Request {
  readonly isGood: boolean;
  readonly process: 0 | 1;
  /** Whether its process writes behind it. */
  readonly isWritten: boolean;
}

const requests = fc.array(
  fc.record({ isGood: fc.boolean(), process: fc.constantFrom(0, 1), isWritten: fc.boolean() }),
  { minLength: 1, maxLength: 12 },
) as fc.Arbitrary<Request[]>;

/** The tallies that two processes write, in the order of their requests. */
function batchesOf(all: readonly Request[]): SourceTally[][] {
  return [0, 1].map((process) => {
    const batches: SourceTally[] = [];
    let open: SourceTally | undefined;
    all.forEach((each, second) => {
      if (each.process !== process) return;
      open ??= tallyOf();
      if (each.isGood) open.add('accepted', at(second));
      else open.refuse({ step: 'signature' }, at(second));
      if (!each.isWritten) return;
      batches.push(open);
      open = undefined;
    });
    return open === undefined ? batches : [...batches, open];
  });
}

describe('times of a source that two processes write', () => {
  it('are right, in whatever order they are written', async () => {
    await fc.assert(
      fc.asyncProperty(requests, fc.infiniteStream(fc.boolean()), async (all, turns) => {
        await emptied(database);
        const [one = [], two = []] = batchesOf(all);
        while (one.length + two.length > 0) {
          const isTurnOfOne = turns.next().value as boolean;
          const next = (isTurnOfOne ? one.shift() : two.shift()) ?? one.shift() ?? two.shift();
          if (next !== undefined) await write(next);
        }
        const last = (isGood: boolean) => {
          const found = all.findLastIndex((each) => each.isGood === isGood);
          return found < 0 ? undefined : found;
        };
        const accepted = last(true);
        const refused = last(false);
        const behind = all
          .map((each, n) => (!each.isGood && n > (accepted ?? -1) ? n : -1))
          .filter((n) => n >= 0);
        const found = await secondsOf();
        expect(found).toMatchObject({ accepted, refused });
        // Never before the first refusal behind the last good one, and never without one.
        expect(found.since === undefined).toBe(behind.length === 0);
        if (found.since === undefined) expect(found.inRow).toBe(0);
        else {
          expect(behind).toContain(found.since);
          expect(found.inRow).toBeGreaterThan(0);
          expect(found.inRow).toBeLessThanOrEqual(behind.length);
        }
      }),
      { numRuns: 80 },
    );
  });

  it('are exact where nothing good came in between, also if they are written late', async () => {
    const [early, late, good] = [tallyOf(), tallyOf(), tallyOf()];
    good.add('accepted', at(1));
    early.refuse({ step: 'signature' }, at(2));
    late.refuse({ step: 'header' }, at(3));
    late.refuse({ step: 'header' }, at(4));
    await write(late);
    expect(await secondsOf()).toEqual({ accepted: undefined, refused: 4, since: 3, inRow: 2 });
    await write(good);
    await write(early);
    expect(await secondsOf()).toEqual({ accepted: 1, refused: 4, since: 2, inRow: 3 });
  });

  it('fall back to the last refusal if a good one was written late, and to nothing behind a later good one', async () => {
    const [refused, good, better] = [tallyOf(), tallyOf(), tallyOf()];
    refused.refuse({ step: 'signature' }, at(1));
    refused.refuse({ step: 'signature' }, at(5));
    good.add('repeated', at(3));
    better.add('accepted', at(6));
    await write(refused);
    await write(good);
    expect(await secondsOf()).toEqual({ accepted: 3, refused: 5, since: 5, inRow: 1 });
    await write(better);
    expect(await secondsOf()).toEqual({ accepted: 6, refused: 5, since: undefined, inRow: 0 });
  });
});

describe('refused requests that are kept', () => {
  const flood = (from: number, count = KEPT_REFUSALS + 10, source = 'github') => {
    const tally = tallyOf(source);
    for (let n = 0; n < count; n++)
      tally.refuse({ step: 'signature', deliveryId: `${from + n}` }, at(from + n));
    return tally;
  };
  const keptIds = async (source = 'github') =>
    (await store.refusals(source, 1_000)).map(({ deliveryId }) => Number(deliveryId));

  it('are the last 50 of each source, also if an older flood is written later', async () => {
    await write(flood(1_000), flood(1_000, 3, 'stripe'));
    await write(flood(100));
    const ids = await keptIds();
    expect(ids).toHaveLength(KEPT_REFUSALS);
    expect(ids[0]).toBe(1_000 + KEPT_REFUSALS + 9);
    expect(Math.min(...ids)).toBe(1_010);
    expect(await keptIds('stripe')).toEqual([1_002, 1_001, 1_000]);
    expect((await store.refusals(undefined, 1_000)).length).toBe(KEPT_REFUSALS + 3);
  });

  it('stay few while several processes write at once, and no two of them wait for each other', async () => {
    const floods = Array.from({ length: 24 }, (_, n) => write(flood(n * 100), flood(n * 100, 60, 'stripe')));
    await Promise.all(floods);
    await write(flood(5_000, 1), flood(5_000, 1, 'stripe'));
    const { rows } = await database.pool.query(
      'SELECT source, count(*)::int AS count FROM integration.webhook_refusal GROUP BY source ORDER BY source',
    );
    expect(rows).toEqual([
      { source: 'github', count: KEPT_REFUSALS },
      { source: 'stripe', count: KEPT_REFUSALS },
    ]);
    const counts = await store.counts(7);
    expect(counts.map(({ source, count }) => [source, count])).toEqual([
      ['github', 24 * 60 + 1],
      ['stripe', 24 * 60 + 1],
    ]);
  });

  it('are deleted when they are old, and a source that sent nothing for long is too', async () => {
    await write(flood(1), flood(1, 2, 'stripe'));
    await database.pool.query(
      `UPDATE integration.webhook_refusal SET at = at - interval '31 days' WHERE source = 'github'`,
    );
    await database.pool.query(
      `UPDATE integration.webhook_source SET last_refused_at = last_refused_at - interval '401 days' WHERE source = 'stripe'`,
    );
    const session = {
      query: async (sql: string, values: unknown[]) => (await database.pool.query(sql, values)).rows,
    };
    await deleteOutdatedRecords(session as never, tables, { countDays: 400, refusalDays: 30 });
    expect(await keptIds()).toEqual([]);
    expect(await keptIds('stripe')).toHaveLength(2);
    expect((await store.times()).map(({ source }) => source)).toEqual(['github']);
  });
});
