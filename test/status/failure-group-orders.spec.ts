import { afterEach, beforeEach, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FailureGroupPlace } from '../../src/status/failure-group.js';
import { FailureGroupStore } from '../../src/status/failure-group.store.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/*
 * Groups in an order are found in two ways: a first part of the index is read in turn, and the groups
 * behind it are found by steps. A few are found by steps alone. Where the one ends and the other begins must
 * not show in any page.
 */

interface Dead {
  readonly consumer: string;
  readonly kind: string | null;
  readonly position: number;
}
interface Ranked {
  readonly name: string;
  readonly count: number;
  readonly last: number;
}

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const dead = fc.record({
  consumer: fc.constantFrom('a', 'b', 'c'),
  kind: fc.constantFrom('k1', 'k2', 'k3', null),
  position: fc.integer({ min: 1, max: 9 }),
});

/** Groups by name, those without a kind last of their consumer. */
function groupsOf(rows: readonly Dead[], consumer: string | undefined): Ranked[] {
  const groups = new Map<string, number[]>();
  for (const { consumer: of, kind, position } of rows)
    if (of === (consumer ?? of))
      groups.set(`${of} ${kind ?? 'none'}`, [...(groups.get(`${of} ${kind ?? 'none'}`) ?? []), position]);
  return [...groups]
    .map(([name, positions]) => ({ name, count: positions.length, last: Math.max(...positions) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

it('groups in an order come as if all of them had been counted, wherever the scan of the index ends', async () => {
  const engine = database.engine();
  await fc.assert(
    fc.asyncProperty(
      fc.array(dead, { maxLength: 40 }),
      fc
        .record({
          groups: fc.integer({ min: 1, max: 14 }),
          rows: fc.integer({ min: 0, max: 45 }),
          few: fc.integer({ min: 1, max: 14 }),
        })
        .map(({ few, ...bounds }) => ({ ...bounds, few: Math.min(few, bounds.groups) })),
      fc.integer({ min: 1, max: 13 }),
      fc.constantFrom(undefined, 'a', 'b', 'd'),
      async (rows, bounds, limit, consumer) => {
        await database.pool.query('TRUNCATE integration.inbox_event');
        await database.pool.query(
          `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, error_fingerprint)
           SELECT gen_random_uuid(), r.position, r.consumer, 'thing', 't', 'dead_letter', r.kind
           FROM jsonb_to_recordset($1) AS r (consumer text, kind text, position bigint)`,
          [JSON.stringify(rows)],
        );
        const store = new FailureGroupStore(engine, bounds);
        const all = groupsOf(rows, consumer);
        for (const order of ['size', 'latest'] as const) {
          const rankOf = ({ count, last }: Ranked) => (order === 'size' ? count : last);
          const expected = all.slice(0, bounds.groups).sort((one, other) => rankOf(other) - rankOf(one));
          const found: Ranked[] = [];
          let after: FailureGroupPlace | undefined;
          for (let full = true; full; ) {
            const first = { consumerName: consumer ?? '', fingerprint: consumer === undefined ? null : '' };
            const page = await store.listBy(order, first, after, consumer !== undefined, limit);
            if (page.items.length > 0) expect(page.isPartial).toBe(all.length > bounds.groups);
            for (const { consumerName, fingerprint, deadLetters, lastPosition } of page.items)
              found.push({
                name: `${consumerName} ${fingerprint ?? 'none'}`,
                count: deadLetters.count,
                last: lastPosition,
              });
            const last = page.items.at(-1);
            full = page.items.length === limit;
            if (last !== undefined) after = { ...last, value: page.values.at(-1) };
          }
          expect(found).toEqual(expected);
        }
      },
    ),
    { numRuns: 60 },
  );
}, 300_000);
