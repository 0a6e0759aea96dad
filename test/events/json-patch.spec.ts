import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { patchBetween } from '../../dashboard/src/parts/json-patch.js';
import { applyJsonPatch } from '../../src/events/json-patch.js';

/* The page computes patches, and the engine applies them. */

/** As it comes out of a request. */
const sent = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const applied = (before: unknown, after: unknown) =>
  applyJsonPatch(sent(before), sent(patchBetween(before, after)), 0);

/** Few names and values, so that the same ones stand in both. */
const anyJson = fc
  .letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      fc.constantFrom<unknown>(0, 1, 2, 'a', 'b', '', null, true),
      fc.array(tie('value'), { maxLength: 6 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'a/b', '~1', '', '0', '-', '__proto__'), tie('value')),
    ),
  }))
  .value.map(sent);

describe('the patch between two values', () => {
  it('makes the one of the other', () => {
    fc.assert(
      fc.property(anyJson, anyJson, (before, after) => {
        expect(applied(before, after)).toEqual(after);
      }),
      { numRuns: 1_000 },
    );
    const any = fc.jsonValue().map(sent);
    fc.assert(fc.property(any, any, (before, after) => expect(applied(before, after)).toEqual(after)));
  });

  it('makes one list of another whose elements were added, removed, moved and changed', () => {
    const lines = fc.array(fc.record({ id: fc.nat(20), n: fc.nat(2) }), { maxLength: 20 });
    fc.assert(
      fc.property(lines, fc.array(fc.nat(40), { maxLength: 6 }), (before, edits) => {
        const after: unknown[] = [...before];
        for (const edit of edits) {
          const at = edit % (after.length + 1);
          if (edit % 4 === 0) after.splice(at, 1);
          else if (edit % 4 === 1) after.splice(at, 0, { id: edit });
          else if (edit % 4 === 2) after.splice(at, 1, { id: 1, n: 7 });
          else after.push(...after.splice(at, 1));
        }
        expect(applied(before, after)).toEqual(after);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is empty between what is the same, and names only what differs', () => {
    const lines = Array.from({ length: 3_000 }, (_, id) => ({ id, price: 10, note: 'x'.repeat(100) }));
    const before = { id: 7, lines, 'a/b': { '~': 1 } };
    expect(patchBetween(before, sent(before))).toEqual([]);
    const after = sent(before);
    after['a/b']['~'] = 2;
    after.lines[2_900] = { ...lines[2_900], price: 11 } as (typeof lines)[number];
    after.lines.splice(5, 1);
    after.lines.splice(1_000, 0, { id: 9_999, price: 1, note: '' });
    expect(patchBetween(before, after)).toEqual([
      { op: 'replace', path: '/lines/2900/price', value: 11 },
      { op: 'add', path: '/lines/1001', value: { id: 9_999, price: 1, note: '' } },
      { op: 'remove', path: '/lines/5' },
      { op: 'replace', path: '/a~1b/~0', value: 2 },
    ]);
  });

  it('takes an element that has moved out and puts it in again, and never takes it for a changed one', () => {
    const [one, two] = [
      { name: 'a', card: '****' },
      { name: 'b', card: '****' },
    ];
    expect(patchBetween([one, two], [two, one])).toEqual([
      { op: 'remove', path: '/1' },
      { op: 'add', path: '/0', value: two },
    ]);
  });

  it('is the whole list where that is shorter', () => {
    const before = Array.from({ length: 50 }, () => 0);
    const after = Array.from({ length: 60 }, () => 1);
    expect(patchBetween({ before }, { before: after })).toEqual([
      { op: 'replace', path: '/before', value: after },
    ]);
  });
});
