import { describe, expect, it } from '@jest/globals';
import { patchedPayload } from './patched-payload.js';

type Mask = (payload: Record<string, never>) => unknown;

const patched = (payload: unknown, patch: unknown, mask?: Mask) =>
  patchedPayload({
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    patch,
    maxPayloadBytes: 1_000,
    mask: mask && (async (text) => JSON.stringify(mask(JSON.parse(text)))),
  });
const set = (path: string, value: unknown) => [{ op: 'replace', path, value }];
const add = (path: string, value: unknown) => [{ op: 'add', path, value }];
const refused = (pointer: string) =>
  expect.objectContaining({ code: 'INTEGRATION_ADMIN_INVALID', details: { field: 'patch', pointer } });

describe('a patched payload', () => {
  it('has what the patch changes, and all else as it was', async () => {
    const text = '{"total": 12, "rate": 0.0000001, "far": 1000000000000000000000, "text": "a\\u202eb"}';
    expect(await patched(text, set('/total', 13))).toEqual({
      total: 13,
      rate: 1e-7,
      far: 1e21,
      text: 'a\u202eb',
    });
  });

  it('is refused where a number would lose digits, unless the patch puts something else there', async () => {
    const text = '{"lines": [{"id": 12345678901234567890}], "n": 1}';
    await expect(patched(text, set('/n', 2))).rejects.toThrow(
      /payload\.lines\[0\]\.id is a number with more digits/,
    );
    expect(await patched(text, set('/lines/0/id', '12345678901234567890'))).toEqual({
      lines: [{ id: '12345678901234567890' }],
      n: 1,
    });
    await expect(patched(text, set('/n', 2), (seen) => ({ n: seen.n }))).rejects.toThrow(
      /^A part of the payload is/,
    );
  });

  it('is refused with the place of what does not apply', async () => {
    await expect(patched({}, set('/a', 1))).rejects.toEqual(refused('/0/path'));
    await expect(patched({}, { op: 'add' })).rejects.toEqual(refused(''));
  });
});

describe('a payload of which a part is hidden', () => {
  const order = {
    id: 7,
    card: '4111',
    lines: [
      { sku: 'a', key: 'k1' },
      { sku: 'b', key: 'k2' },
    ],
    pin: 8_642,
  };
  const mask: Mask = ({ pin: _, lines, ...rest }) => ({
    ...rest,
    card: '****',
    lines: (lines as unknown as { sku: string }[]).map(({ sku }) => ({ sku, key: '**' })),
  });

  it('keeps it where the patch does not touch it', async () => {
    expect(await patched(order, set('/id', 8), mask)).toEqual({ ...order, id: 8 });
    expect(await patched(order, set('/lines/1/sku', 'c'), mask)).toEqual({
      ...order,
      lines: [order.lines[0], { sku: 'c', key: 'k2' }],
    });
    expect(await patched(order, [{ op: 'remove', path: '/lines/0' }], mask)).toEqual({
      ...order,
      lines: [order.lines[1]],
    });
  });

  it('has what is put in its place, also where it is not shown at all', async () => {
    expect(await patched(order, set('/card', '5500'), mask)).toEqual({ ...order, card: '5500' });
    expect(await patched(order, add('/pin', 1), mask)).toEqual({ ...order, pin: 1 });
    expect(await patched(order, [{ op: 'remove', path: '/card' }], mask)).toEqual({
      id: 7,
      lines: order.lines,
      pin: 8_642,
    });
  });

  it.each(['test', 'copy', 'move'])('is not read by %s, also where nothing is hidden', async (op) => {
    const operation = { op, path: '/id', from: '/id', value: 7 };
    await expect(patched(order, [...set('/id', 8), operation], mask)).rejects.toEqual(refused('/1/op'));
    await expect(patched(order, [operation], (seen) => seen)).rejects.toEqual(refused('/0/op'));
  });

  it('does not tell whether a name is there that is not shown', async () => {
    const error = async (path: string) => {
      const [of] = await Promise.allSettled([patched(order, [{ op: 'remove', path }], mask)]);
      return of;
    };
    expect(await error('/pin')).toEqual(await error('/nip'));
    expect(await error('/card/x')).toMatchObject({ status: 'rejected' });
    const always: Mask = (seen) => ({ ...seen, card: '****' });
    expect(await patched({ id: 1 }, [{ op: 'remove', path: '/card' }], always)).toEqual({ id: 1 });
    expect(await patched({ id: 1 }, set('/card', 'x'), always)).toEqual({ id: 1, card: 'x' });
    expect(await patched({ id: 1 }, set('/id', 2), always)).toEqual({ id: 2 });
  });

  it('is not published as what the mask shows in its place', async () => {
    await expect(patched(order, add('/lines/-', { sku: 'c', key: '**' }), mask)).rejects.toEqual(
      refused('/0/value'),
    );
  });

  it('is a list that is seen with other elements, which is changed as a whole or not at all', async () => {
    const some: Mask = ({ list }) => ({
      list: (list as unknown as string[]).filter((each) => each !== 'secret'),
    });
    await expect(patched({ list: ['a', 'secret', 'b'] }, set('/list/1', 'c'), some)).rejects.toEqual(
      refused('/0/path'),
    );
    expect(await patched({ list: ['a', 'secret', 'b'] }, set('/list', ['c']), some)).toEqual({ list: ['c'] });
    expect(
      await patched({ list: ['a', 'secret'], n: 1 }, add('/m', 2), (seen) => ({ ...seen, list: [] })),
    ).toEqual({
      list: ['a', 'secret'],
      n: 1,
      m: 2,
    });
  });

  it('is not brought to where the mask would show it', async () => {
    const byKind: Mask = ({ kind, value }) => ({ kind, value: kind === 'public' ? value : '*' });
    const secret = { kind: 'card', value: '4111' };
    await expect(patched(secret, set('/kind', 'public'), byKind)).rejects.toThrow(
      /would show what is hidden/,
    );
    expect(await patched(secret, set('/kind', 'iban'), byKind)).toEqual({ kind: 'iban', value: '4111' });
    expect(await patched(secret, [...set('/kind', 'public'), ...set('/value', 'free')], byKind)).toEqual({
      kind: 'public',
      value: 'free',
    });
    const second: Mask = ({ pair }) => ({
      pair: (pair as unknown as string[]).map((each, at) => (at === 1 ? '*' : each)),
    });
    await expect(
      patched({ pair: ['a', 'secret'] }, [{ op: 'remove', path: '/pair/0' }], second),
    ).rejects.toThrow(/would show what is hidden/);
    const unlessOpen: Mask = ({ open, ...rest }) => (open ? { open, ...rest } : { open });
    await expect(
      patched({ open: false, key: { a: 'secret' } }, set('/open', true), unlessOpen),
    ).rejects.toThrow(/would show what is hidden/);
  });

  it('can be the whole payload', async () => {
    expect(await patched({ a: 1 }, [], () => null)).toEqual({ a: 1 });
    expect(await patched({ a: 1 }, set('', { b: 2 }), () => null)).toEqual({ b: 2 });
    await expect(patched({ a: 1 }, set('/a', 2), () => null)).rejects.toEqual(refused('/0/path'));
  });

  it('keeps names of hostile kinds', async () => {
    const text = '{"__proto__": {"x": 1}, "constructor": 2, "n": 1}';
    const result = await patched(text, set('/n', 2), ({ n }) => ({ n }));
    expect(JSON.stringify(result)).toBe('{"__proto__":{"x":1},"constructor":2,"n":2}');
  });
});
