import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { copyOfJson } from './json-copy.js';

describe('a copy of parsed JSON', () => {
  it('is what parsing the text again would give', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const copy = copyOfJson(JSON.parse(text));
        expect(JSON.stringify(copy)).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it('shares no object with the original', () => {
    const original = JSON.parse('{"a": {"b": [1, {"c": 2}]}}');
    const copy = copyOfJson(original) as typeof original;
    copy.a.b[1].c = 'changed';
    copy.a.b.push('more');
    copy.a.d = 'new';
    expect(original).toEqual({ a: { b: [1, { c: 2 }] } });
  });

  it('keeps a key named __proto__ as an ordinary property', () => {
    const text = '{"__proto__":{"isAdmin":true},"a":[{"__proto__":[1]}]}';
    const copy = copyOfJson(JSON.parse(text)) as Record<string, unknown>;
    expect(JSON.stringify(copy)).toBe(text);
    expect(copy.isAdmin).toBeUndefined();
  });
});
