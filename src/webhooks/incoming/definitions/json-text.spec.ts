import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonTextAt } from './json-text.js';
import { fieldOf } from './raw-request.js';

const fieldIn = (body: string, ...path: string[]) =>
  fieldOf({ method: 'POST', url: '', headers: {}, body: Buffer.from(body) }, ...path);

describe('the text of a value in JSON', () => {
  it('is what was written, at every path of every document, however it is spaced', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        const parsed: unknown = JSON.parse(text);
        for (const [path, expected] of pathsOf(parsed)) {
          const found = jsonTextAt(text, path);
          expect(found === undefined ? undefined : JSON.parse(found)).toEqual(expected);
        }
        expect(jsonTextAt(text, ['no such key', 'x'])).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('is the last one where a name comes twice, and is found by escaped names and behind brackets in texts', () => {
    expect(jsonTextAt('{"a":1,"b":"]},\\"","a":{"c":2},"\\u0061":3}', ['a'])).toBe('3');
    expect(jsonTextAt('{"a":{"b":1},"a":2}', ['a', 'b'])).toBeUndefined();
    expect(jsonTextAt(' [ 1 , [ ] , { } , 4 ] ', ['3'])).toBe('4');
    expect(jsonTextAt('[1]', ['1'])).toBeUndefined();
    expect(jsonTextAt('7', [])).toBe('7');
  });

  it('is found behind a hundred thousand brackets', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(jsonTextAt(`{"deep":${deep},"id":12345678901234567890}`, ['id'])).toBe('12345678901234567890');
  });
});

describe('a field that is a number', () => {
  it('with many digits is the text that was sent, so that two ids stay two', () => {
    expect(fieldIn('{"id":1364217908234567168}', 'id')).toBe('1364217908234567168');
    expect(fieldIn('{"id":1364217908234567169}', 'id')).toBe('1364217908234567169');
    expect(fieldIn('{"value":[{"id":-9007199254740993}]}', 'value', '0', 'id')).toBe('-9007199254740993');
    expect(fieldIn('{"id":0.10000000000000000555}', 'id')).toBe('0.10000000000000000555');
  });

  it('of few digits is the same however it is written', () => {
    expect([fieldIn('{"id":7}', 'id'), fieldIn('{"id":7.0}', 'id'), fieldIn('{"id":7e0}', 'id')]).toEqual([
      '7',
      '7',
      '7',
    ]);
  });
});

function* pathsOf(value: unknown, path: readonly string[] = []): Generator<[readonly string[], unknown]> {
  yield [path, value];
  if (typeof value === 'object' && value !== null)
    for (const [key, each] of Object.entries(value)) yield* pathsOf(each, [...path, key]);
}
