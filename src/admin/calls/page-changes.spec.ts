import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Answer } from '../../http/answer.js';
import { PageChanges } from './page-changes.js';

interface Row {
  readonly key: number;
  readonly value: number;
}

const asking = (had?: string) => ({
  headers: { 'a-im': 'rows', ...(had === undefined ? {} : { 'if-none-match': had }) },
});
const pageOf = (items: readonly unknown[]) => ({ items, next: null });

/** What a client has after an answer. */
function put(before: readonly Row[], { status, body = '' }: Answer): readonly Row[] {
  if (status === 304) return before;
  const { items } = JSON.parse(body) as { items: (Row | [number, number])[] };
  return items.flatMap((each) => (Array.isArray(each) ? before.slice(each[0], each[1] + 1) : [each]));
}

describe('what has changed in a page', () => {
  it('makes the new page of the old one, in any order, with rows that are equal, and where answers are lost', () => {
    const row = fc.record({ key: fc.nat(6), value: fc.nat(2) });
    const step = fc.record({ items: fc.array(row, { maxLength: 12 }), isLost: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const changes = new PageChanges();
        let had: string | undefined;
        let picture: readonly Row[] = [];
        for (const { items, isLost } of steps) {
          const answer = changes.answerOf(asking(had), pageOf(items));
          if (isLost) continue;
          picture = put(picture, answer);
          had = answer.headers.ETag;
          expect(picture).toEqual(items);
        }
      }),
    );
  });

  it('is not told of a page that nobody was told, nor of one that was forgotten', () => {
    const changes = new PageChanges();
    const page = (n: number) => pageOf(Array.from({ length: 1_000 }, (_, key) => ({ key, value: n })));
    expect(changes.answerOf(asking('"unknown"'), page(0)).status).toBe(200);
    const first = changes.answerOf(asking(), page(0)).headers.ETag;
    expect(changes.answerOf(asking(first), page(1)).status).toBe(226);
    for (let n = 2; n < 30; n++) changes.answerOf(asking(), page(n));
    expect(changes.answerOf(asking(first), page(1)).status).toBe(200);
    // It is still right, whether it is remembered or not.
    expect(changes.answerOf(asking(first), page(0)).status).toBe(304);
  });
});
