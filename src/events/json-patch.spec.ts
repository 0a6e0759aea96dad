import { describe, expect, it } from '@jest/globals';
import { ExactNumber } from './exact-number.js';
import { applyJsonPatch, type PatchProblem } from './json-patch.js';

const MOST = 1_000;
const patched = (document: unknown, ...patch: unknown[]) => applyJsonPatch(document, patch, MOST);

function problemOf(document: unknown, ...patch: unknown[]): { pointer: string; message: string } {
  try {
    patched(document, ...patch);
  } catch (error) {
    const { pointer, message } = error as PatchProblem;
    return { pointer, message };
  }
  throw new Error('The patch applied');
}

describe('a JSON Patch', () => {
  it.each<[string, unknown, unknown, unknown]>([
    ['adds a member', { a: 1 }, { op: 'add', path: '/b', value: 2 }, { a: 1, b: 2 }],
    ['adds over a member', { a: 1 }, { op: 'add', path: '/a', value: null }, { a: null }],
    ['adds an element', { a: [1, 3] }, { op: 'add', path: '/a/1', value: 2 }, { a: [1, 2, 3] }],
    ['adds to the end', [1], { op: 'add', path: '/-', value: [2] }, [1, [2]]],
    ['adds to the index of the end', [1], { op: 'add', path: '/1', value: 2 }, [1, 2]],
    ['puts something in the place of the whole', [1], { op: 'add', path: '', value: 'x' }, 'x'],
    ['removes a member', { a: 1, b: 2 }, { op: 'remove', path: '/a' }, { b: 2 }],
    ['removes an element', [1, 2, 3], { op: 'remove', path: '/1' }, [1, 3]],
    ['replaces a member', { a: { b: 1 } }, { op: 'replace', path: '/a/b', value: 2 }, { a: { b: 2 } }],
    ['replaces an element', [1, 2], { op: 'replace', path: '/0', value: {} }, [{}, 2]],
    ['replaces the whole', 7, { op: 'replace', path: '', value: null }, null],
    [
      'moves a member',
      { a: { b: 1 }, c: {} },
      { op: 'move', from: '/a/b', path: '/c/d' },
      { a: {}, c: { d: 1 } },
    ],
    ['moves an element', [1, 2, 3], { op: 'move', from: '/0', path: '/2' }, [2, 3, 1]],
    ['moves to where it is', { a: 1 }, { op: 'move', from: '/a', path: '/a' }, { a: 1 }],
    [
      'copies a member',
      { a: { b: 1 } },
      { op: 'copy', from: '/a', path: '/c' },
      { a: { b: 1 }, c: { b: 1 } },
    ],
    ['copies the whole', { a: 1 }, { op: 'copy', from: '', path: '/b' }, { a: 1, b: { a: 1 } }],
    [
      'tests by value',
      { a: [1, { b: 2, c: 3 }] },
      { op: 'test', path: '/a', value: [1, { c: 3, b: 2 }] },
      { a: [1, { b: 2, c: 3 }] },
    ],
    [
      'names members by ~0 and ~1',
      { 'a/b~1': 1 },
      { op: 'replace', path: '/a~1b~01', value: 2 },
      { 'a/b~1': 2 },
    ],
    ['names a member without a name', { '': 1 }, { op: 'replace', path: '/', value: 2 }, { '': 2 }],
    ['names a member like an index', { 0: 1 }, { op: 'replace', path: '/0', value: 2 }, { 0: 2 }],
    ['ignores members that nobody knows', { a: 1 }, { op: 'remove', path: '/a', xyz: 1 }, {}],
  ])('%s', (_, document, operation, result) => {
    expect(patched(document, operation)).toEqual(result);
  });

  it('applies its operations one after the other, and copies what it copies', () => {
    const result = patched(
      { a: { n: 1 } },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'replace', path: '/b/n', value: 2 },
      { op: 'test', path: '/a/n', value: 1 },
    );
    expect(result).toEqual({ a: { n: 1 }, b: { n: 2 } });
  });

  it('does not change the values that it was given', () => {
    const value = { n: 1 };
    patched({}, { op: 'add', path: '/a', value }, { op: 'replace', path: '/a/n', value: 2 });
    expect(value).toEqual({ n: 1 });
  });

  it.each<[string, unknown, unknown, string]>([
    ['a member that is not there', { a: 1 }, { op: 'remove', path: '/b' }, '/0/path'],
    ['a way over nothing', {}, { op: 'add', path: '/a/b', value: 1 }, '/0/path'],
    ['a way into a text', { a: 'xyz' }, { op: 'add', path: '/a/length', value: 1 }, '/0/path'],
    ['an index behind the end', [1], { op: 'add', path: '/2', value: 1 }, '/0/path'],
    ['an index at the end, to replace', [1], { op: 'replace', path: '/1', value: 1 }, '/0/path'],
    ['the sign for the end, to remove', [1], { op: 'remove', path: '/-' }, '/0/path'],
    ['zeros before an index', [1, 2], { op: 'replace', path: '/01', value: 1 }, '/0/path'],
    ['a negative index', [1], { op: 'replace', path: '/-1', value: 1 }, '/0/path'],
    ['an index in exponents', [1], { op: 'replace', path: '/0e0', value: 1 }, '/0/path'],
    ['an index with space', [1], { op: 'replace', path: '/ 0', value: 1 }, '/0/path'],
    ['a huge index', [1], { op: 'add', path: '/4294967296', value: 1 }, '/0/path'],
    ['the length of a list', [1], { op: 'replace', path: '/length', value: 0 }, '/0/path'],
    ['a name that every object has', {}, { op: 'add', path: '/constructor/x', value: 1 }, '/0/path'],
    ['the prototype', {}, { op: 'add', path: '/__proto__/x', value: 1 }, '/0/path'],
    ['the prototype of a list', [], { op: 'add', path: '/__proto__/x', value: 1 }, '/0/path'],
    ['a path that is no pointer', { a: 1 }, { op: 'remove', path: 'a' }, '/0/path'],
    ['a tilde that stands for nothing', { '~2': 1 }, { op: 'remove', path: '/~2' }, '/0/path'],
    ['no path', {}, { op: 'remove' }, '/0/path'],
    ['no value', {}, { op: 'add', path: '/a' }, '/0/value'],
    ['no from', {}, { op: 'copy', path: '/a' }, '/0/from'],
    ['a from that is not there', {}, { op: 'copy', from: '/a', path: '/b' }, '/0/from'],
    ['a move into itself', { a: { b: {} } }, { op: 'move', from: '/a', path: '/a/b/c' }, '/0/path'],
    ['the removal of the whole', {}, { op: 'remove', path: '' }, '/0/path'],
    ['another value', { a: 1 }, { op: 'test', path: '/a', value: '1' }, '/0/value'],
    ['a list for an object', { a: {} }, { op: 'test', path: '/a', value: [] }, '/0/value'],
    ['an operation that nobody knows', {}, { op: 'ad', path: '/a', value: 1 }, '/0/op'],
    ['no operation', {}, 'add', '/0'],
  ])('does not apply with %s, and says where it is wrong', (_, document, operation, pointer) => {
    expect(problemOf(document, operation)).toEqual({ pointer, message: expect.stringMatching(/\w{3}/) });
  });

  it('names the operation that does not apply', () => {
    const { pointer } = problemOf({ a: 1 }, { op: 'remove', path: '/a' }, { op: 'remove', path: '/a' });
    expect(pointer).toBe('/1/path');
    expect(problemOf({}, { op: 'repalce', path: '', value: 1 }).message).toContain('did you mean replace?');
  });

  it('changes no prototype, and takes __proto__ as a name', () => {
    const value = JSON.parse('{"__proto__": {"x": 1}}');
    const result = patched({}, { op: 'add', path: '/a', value }, { op: 'add', path: '/__proto__', value: 7 });
    expect(JSON.stringify(result)).toBe('{"a":{"__proto__":{"x":1}},"__proto__":7}');
    expect(({} as { x?: number }).x).toBeUndefined();
    expect(JSON.stringify(patched(result, { op: 'remove', path: '/__proto__' }))).toBe(
      '{"a":{"__proto__":{"x":1}}}',
    );
  });

  it('cannot make a huge document, nor one that is too deep', () => {
    const double = { op: 'copy', from: '', path: '/a' };
    expect(problemOf({ text: 'x'.repeat(100) }, ...Array.from({ length: 30 }, () => double))).toMatchObject({
      pointer: expect.stringMatching(/^\/\d\/from$/),
    });
    const deeper = {
      op: 'add',
      path: '/0'.repeat(400),
      value: JSON.parse('['.repeat(200) + ']'.repeat(200)),
    };
    const deep = JSON.parse('['.repeat(401) + ']'.repeat(401));
    expect(problemOf(deep, deeper).message).toContain('deeper than 500 levels');
  });

  it('keeps numbers that JavaScript cannot hold, and compares them', () => {
    const exact = new ExactNumber('12345678901234567890');
    const document = { a: exact, b: new ExactNumber('0.0000001'), c: 1 };
    const result = patched(
      document,
      { op: 'copy', from: '/a', path: '/d' },
      { op: 'test', path: '/b', value: 1e-7 },
      { op: 'remove', path: '/c' },
    );
    expect(result).toEqual({ a: exact, b: document.b, d: exact });
    expect(problemOf(document, { op: 'add', path: '/a/text', value: '1' }).pointer).toBe('/0/path');
  });
});
