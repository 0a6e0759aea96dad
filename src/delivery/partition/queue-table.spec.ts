import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashOfName } from '../../events/aggregate-key.js';
import { type Named, QueueTable } from './queue-table.js';

class One implements Named<One> {
  hash = 0;
  next: One | undefined = undefined;
  constructor(readonly name: string) {}
}

describe('a table of queues', () => {
  it('finds what was added and not removed, whatever the order, as a Map does', () => {
    const step = fc.record({
      // Few names make it likely that one is added twice and removed. Many names make the table grow and
      // places be shared.
      name: fc.oneof(
        fc.constantFrom('', 'a', 'aa', 'Aa', 'BB', '\u0000'),
        fc.nat(300).map((n) => `order\u0000${n}`),
      ),
      isRemoval: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const table = new QueueTable<One>();
        const model = new Map<string, One>();
        for (const { name, isRemoval } of steps) {
          const known = model.get(name);
          expect(table.find(name)).toBe(known);
          if (known === undefined) {
            const one = new One(name);
            table.obtain(one.name, hashOfName(one.name), () => one, undefined);
            model.set(name, one);
          } else if (isRemoval) {
            table.remove(known);
            model.delete(name);
          }
          expect(table.size).toBe(model.size);
        }
        expect(new Set(table.values())).toEqual(new Set(model.values()));
      }),
    );
  });

  it('does not let go of the others where two of them share a place', () => {
    const table = new QueueTable<One>();
    const all = Array.from({ length: 1_000 }, (_, n) => new One(`order\u0000${n}`));
    for (const one of all) table.obtain(one.name, hashOfName(one.name), () => one, undefined);
    for (const one of all.filter((_, n) => n % 3 > 0)) table.remove(one);
    expect(all.filter(({ name }) => table.find(name) !== undefined)).toEqual(
      all.filter((_, n) => n % 3 === 0),
    );
  });

  it('stays as it is where one is removed that is not in it', () => {
    const table = new QueueTable<One>();
    const [there, gone] = [new One('a'), new One('b')];
    table.obtain('a', hashOfName('a'), () => there, undefined);
    table.obtain('b', hashOfName('b'), () => gone, undefined);
    table.remove(gone);
    table.remove(gone);
    expect(table.size).toBe(1);
    expect(table.find('a')).toBe(there);
  });

  it('keeps nothing of what was removed', () => {
    const table = new QueueTable<One>();
    const all = Array.from({ length: 200 }, (_, n) => new One(String(n)));
    for (const one of all) table.obtain(one.name, hashOfName(one.name), () => one, undefined);
    for (const one of all) table.remove(one);
    expect(all.every(({ next }) => next === undefined)).toBe(true);
    expect([...table.values()]).toEqual([]);
    expect(table.size).toBe(0);
  });
});
