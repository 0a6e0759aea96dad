import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ExactNumber, parseExactly, stringifyExactly } from './exact-number.js';

const MARK = 'mark-of-this-call:';

function through(json: string): string {
  return stringifyExactly(parseExactly(json, MARK), MARK);
}

describe('a payload that is parsed and written again', () => {
  it.each([
    '{"id":9007199254740993,"rest":[12345678901234567890.123456789,-0.1234567890123456789]}',
    '{"text":"9007199254740993 \\"12345678901234567890\\" and more","n":1}',
    '[1000000000000000000000000000000000000,0,-7,3.25]',
    '"9007199254740993"',
    '123456789012345678901234567890',
  ])('keeps every digit: %s', (json) => {
    expect(through(json)).toBe(json);
  });

  it('shows ordinary numbers as numbers, and others as ExactNumber', () => {
    expect(parseExactly('{"a":1.10,"b":9007199254740993,"c":9007199254740991}', MARK)).toEqual({
      a: 1.1,
      b: new ExactNumber('9007199254740993'),
      c: 9007199254740991,
    });
  });

  it('is the same value for any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(JSON.parse(through(json))).toEqual(JSON.parse(json));
      }),
    );
  });

  it('keeps integers of any size', () => {
    fc.assert(
      fc.property(fc.bigInt(), (n) => {
        expect(through(`[${n}]`)).toBe(`[${n}]`);
      }),
    );
  });
});
