import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { IntegrationError } from '../errors.js';
import { MAX_JSON_DEPTH } from './event-limits.js';
import { serializePayload } from './json-payload.js';

const LIMITS = { maxPayloadBytes: 1_000_000 };
const serialize = (value: unknown) => serializePayload(value, LIMITS);

function refusal(value: unknown, limits = LIMITS): IntegrationError {
  try {
    serializePayload(value, limits);
  } catch (error) {
    if (error instanceof IntegrationError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** Each of these makes any value that contains it invalid. */
const poison = fc.constantFrom<unknown>(
  Number.NaN,
  Number.POSITIVE_INFINITY,
  10n,
  Object(10n),
  new Number(Number.NaN),
  () => 1,
  Symbol('s'),
  Object(Symbol('s')),
  new Map(),
  new Set(),
  new WeakMap(),
  new URLSearchParams('a=1'),
  new Headers({ a: '1' }),
  new Proxy(new Map([['a', 1]]), {}),
  new Date(Number.NaN),
  Promise.resolve(),
  /x/,
  new Error('x'),
  new Uint8Array(2),
  Buffer.from('as JSON: {type, data}'),
  new ArrayBuffer(2),
  'a\0b',
  '\ud800',
  'x\udfff',
  { 'k\0': 1 },
  { '\udabc': 1 },
  [undefined],
  { toJSON: () => Number.NaN },
);

/** A value that contains `inner` somewhere, and the path to it. */
function around(inner: fc.Arbitrary<unknown>): fc.Arbitrary<{ value: unknown; path: string }> {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('array'),
      before: fc.array(fc.jsonValue(), { maxLength: 3 }),
      key: fc.constant(''),
    }),
    fc.record({
      kind: fc.constant('object'),
      before: fc.array(fc.jsonValue(), { maxLength: 0 }),
      key: fc
        .string({ unit: fc.constantFrom(...'abc_$ .[]"é😀'), maxLength: 4 })
        .filter((key) => key !== '__proto__'),
    }),
  );
  return fc.tuple(inner, fc.array(step, { maxLength: 6 })).map(([value, steps]) => {
    let wrapped = value;
    let path = '';
    for (const { kind, before, key } of steps) {
      wrapped = kind === 'array' ? [...before, wrapped, null] : { other: 1, [key]: wrapped };
      const place = /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
      path = (kind === 'array' ? `[${before.length}]` : place) + path;
    }
    return { value: wrapped, path: `payload${path}` };
  });
}

describe('serializing a payload', () => {
  it('gives what JSON.stringify gives for everything that JSON holds', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('\\u0000'));
        expect(serialize(value).json).toBe(text);
      }),
    );
  });

  it('refuses whatever holds something unfit, anywhere, with its path', () => {
    fc.assert(
      fc.property(around(poison), ({ value, path }) => {
        const error = refusal(value);
        expect(error.code).toBe('INTEGRATION_PAYLOAD_INVALID');
        expect(String(error.details.path).startsWith(path)).toBe(true);
        expect(error.message.startsWith(String(error.details.path))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('never fails in any other way', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withBoxedValues: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withObjectString: true,
          withSet: true,
          withSparseArray: true,
          withTypedArray: true,
          stringUnit: 'binary',
        }),
        (value) => {
          try {
            const { json } = serialize(value);
            expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
          } catch (error) {
            if (!(error instanceof IntegrationError)) throw error;
            expect(error.code).toBe('INTEGRATION_PAYLOAD_INVALID');
            expect(error.details.path).toMatch(/^payload/);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('drops an undefined property, as JSON does', () => {
    expect(serialize({ a: undefined, b: 1 }).json).toBe('{"b":1}');
  });

  it('honours toJSON, with the key it is called for', () => {
    const keyed = { toJSON: (key: string) => `<${key}>` };
    expect(serialize({ a: keyed, b: [keyed] }).json).toBe('{"a":"<a>","b":["<0>"]}');
    expect(serialize({ at: new Date(0) }).json).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
    expect(serialize({ gone: { toJSON: () => undefined } }).json).toBe('{}');
  });

  it('takes instances of classes by their own properties', () => {
    class Money {
      #secret = 1;
      constructor(readonly amount: number) {}
      get doubled() {
        return this.amount * 2 + this.#secret;
      }
    }
    expect(serialize({ price: new Money(3) }).json).toBe('{"price":{"amount":3}}');
  });

  it('leaves out what an object inherits, as JSON does, even if it is enumerable', () => {
    const inheriting = Object.assign(Object.create({ method: () => 1 }), { amount: 3 });
    expect(serialize({ price: inheriting }).json).toBe('{"price":{"amount":3}}');
    Object.assign(Object.prototype, { added: () => 1 });
    try {
      expect(serialize({ price: { amount: 3 } }).json).toBe('{"price":{"amount":3}}');
    } finally {
      Reflect.deleteProperty(Object.prototype, 'added');
    }
  });

  it('takes one object in several places, which is no cycle', () => {
    const shared = { a: 1 };
    expect(serialize([shared, shared, { shared }]).json).toBe('[{"a":1},{"a":1},{"shared":{"a":1}}]');
  });

  it('takes text that only looks like an escape', () => {
    for (const text of [
      '\\u0000',
      '\\\\u0000',
      '\\ud800',
      '\u001b[0m',
      'C:\\users\\u0000',
      '\u0001\\u0000',
    ]) {
      expect(JSON.parse(serialize({ text }).json)).toEqual({ text });
    }
  });

  it('explains a cycle where it closes', () => {
    const parent: Record<string, unknown> = { name: 'p' };
    parent.child = { list: [1, parent] };
    expect(refusal(parent).details.path).toBe('payload.child.list[1]');
  });

  it('nests as deep as the limit and no deeper', () => {
    const nested = (levels: number) => {
      let value: unknown = 1;
      for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
      return value;
    };
    expect(serialize(nested(MAX_JSON_DEPTH)).bytes).toBeGreaterThan(MAX_JSON_DEPTH);
    expect(refusal(nested(MAX_JSON_DEPTH + 1)).message).toContain('nested deeper');
    expect(refusal(nested(100_000)).code).toBe('INTEGRATION_PAYLOAD_INVALID');
  });

  it('says what a getter or toJSON threw', () => {
    const value = {
      get broken(): never {
        throw new Error('no such field');
      },
    };
    expect(refusal(value).message).toContain('no such field');
  });

  it.each([
    ['1e308', [1e308], 311],
    ['5e-324', 5e-324, 326],
    ['-1.5e-7', -1.5e-7, 11],
    ['1.2345e+25', 1.2345e25, 26],
    ['1e21 as an object of Number', Object(1e21), 22],
    ['numbers that both write alike', [1e20, 0.000001, -0], '[100000000000000000000, 0.000001, 0]'.length],
    [
      'spaces behind commas and colons',
      { a: [1, 2, {}], b: undefined, c: 'x, y: z' },
      '{"a": [1, 2, {}], "c": "x, y: z"}'.length,
    ],
    [
      'a date and a class',
      {
        at: new Date(0),
        box: new (class {
          n = 1;
        })(),
      },
      '{"at": "1970-01-01T00:00:00.000Z", "box": {"n": 1}}'.length,
    ],
  ])('weighs %s as jsonb writes it', (_, value, bytes) => {
    expect(serialize(value).bytes).toBe(bytes);
  });

  it('refuses a payload that is small in JSON and large in the database', () => {
    const bomb = Array.from({ length: 10_000 }, () => 1e308);
    expect(() => serializePayload(bomb, { maxPayloadBytes: 1_048_576 })).toThrow(
      expect.objectContaining({
        code: 'INTEGRATION_PAYLOAD_TOO_LARGE',
        details: expect.objectContaining({ bytes: 3_110_000 }),
      }),
    );
  });

  it('measures bytes, not characters', () => {
    const limits = { maxPayloadBytes: 11 };
    expect(serializePayload('€€€', limits).bytes).toBe(11);
    expect(refusal('€€€€', limits)).toMatchObject({
      code: 'INTEGRATION_PAYLOAD_TOO_LARGE',
      details: { bytes: 14, maxBytes: 11 },
    });
  });
});
