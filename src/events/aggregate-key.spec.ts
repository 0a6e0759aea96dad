import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashOfAggregate, hashOfName, nameOfAggregate } from './aggregate-key.js';

const text = fc.string({ unit: 'binary', maxLength: 20 });

describe('the hash of an aggregate', () => {
  it('is that of its name: an aggregate is put in by the one and looked for by the other', () => {
    fc.assert(
      fc.property(text, text, (aggregateType, aggregateId) => {
        const key = { aggregateType, aggregateId };
        expect(hashOfAggregate(key)).toBe(hashOfName(nameOfAggregate(key)));
      }),
    );
  });

  it('tells apart what differs in where the type ends', () => {
    const hashes = ['a', 'ab', 'abc'].map((aggregateType) =>
      hashOfAggregate({ aggregateType, aggregateId: 'abcd'.slice(aggregateType.length) }),
    );
    expect(new Set(hashes).size).toBe(3);
  });
});
