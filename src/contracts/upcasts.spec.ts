import { beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ContractRegistry } from './contract-registry.js';
import { ContractSchemas } from './contract-schemas.js';
import { type ContractsOptions, resolveContractsOptions } from './contracts-options.js';
import { type AnyEventContract, defineEvent } from './event-contract.js';
import type { EventSchema } from './schemas/event-schema.js';
import { jsonSchema } from './schemas/json-schema.js';
import { Upcasts } from './upcasts.js';

async function upcastsOf(
  contracts: readonly AnyEventContract[],
  options: ContractsOptions = {},
): Promise<Upcasts> {
  const registry = new ContractRegistry(contracts);
  const schemas = new ContractSchemas(registry);
  await schemas.prepare();
  return new Upcasts(registry, schemas, resolveContractsOptions(options));
}

const second = (schema: EventSchema, upcaster: (old: never) => unknown) =>
  defineEvent({ name: 'a.b', version: 2, schema, upcast: { 1: upcaster } });

const NUMBERS = z.object({ lines: z.array(z.object({ cents: z.number() })), note: z.string().nullable() });

/** What is said of what an upcaster returned. Undefined if it was taken. */
async function said(schema: EventSchema, returned: unknown, options?: ContractsOptions): Promise<unknown> {
  const contract = second(schema, () => returned);
  const upcasts = await upcastsOf([contract], options);
  try {
    upcasts.raise(contract, 1, {});
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('what an upcaster returns', () => {
  it.each([
    [
      'a wrong type',
      { lines: [{ cents: 1 }, { cents: 'x' }], note: null },
      'payload.lines[1].cents: must be a number',
    ],
    ['a property that is missing', { lines: [{}], note: null }, 'payload.lines[0].cents: is missing'],
    ['what is one of several types', { lines: [], note: 5 }, 'payload.note: must be a string or null'],
    ['no object', [], 'payload: must be an object'],
    ['no number at all', { lines: [{ cents: Number.NaN }], note: null }, 'payload.lines[0].cents: '],
  ])('is refused by its path, without the value: %s', async (_, returned, words) => {
    expect(await said(NUMBERS, returned)).toMatchObject({
      code: 'INTEGRATION_CONTRACT_UPCAST_FAILED',
      message: expect.stringContaining(
        `The upcaster of a.b from version 1 to 2 returned a payload that does not fit version 2: ${words}`,
      ),
      details: { eventName: 'a.b', from: 1, to: 2, path: words.split(':')[0] },
    });
  });

  it('is what would be stored, also where the schema converts what is published', async () => {
    const schema = z.object({ at: z.date(), cents: z.string().transform(Number).pipe(z.number()) });
    expect(await said(schema, { at: '2026-11-27T10:00:00.000Z', cents: 5 })).toBeUndefined();
    expect(await said(schema, { at: new Date(), cents: 5 })).toBeUndefined();
    expect(await said(schema, { at: '2026-11-27T10:00:00.000Z', cents: '5' })).toMatchObject({
      details: { path: 'payload.cents' },
    });
  });

  it('names the property of a schema that allows no others', async () => {
    const schema = jsonSchema({ type: 'object', properties: { a: {} }, additionalProperties: false });
    expect(await said(schema, { a: 1, b: 2 })).toMatchObject({ details: { path: 'payload.b' } });
  });

  it('is taken as it is where the options say so', async () => {
    expect(await said(NUMBERS, {}, { upcasts: 'trust' })).toBeUndefined();
    expect(await said(NUMBERS, {}, { enforcement: 'warn' })).toBeUndefined();
  });
});

describe('a chain of upcasters', () => {
  const v2 = defineEvent({
    name: 'a.b',
    version: 2,
    schema: z.object({ b: z.number() }),
    upcast: { 1: (old: { a: number }) => ({ b: old.a }) },
  });
  const upTo3 = (from1: unknown, from2: unknown) =>
    defineEvent({
      name: 'a.b',
      version: 3,
      schema: z.object({ c: z.number() }),
      upcast: { 1: () => from1, 2: () => from2 },
    });
  let v3: AnyEventContract;
  beforeEach(() => {
    v3 = upTo3({ b: 'no number' }, { c: 1 });
  });

  it('is refused at the first step that does not fit a version of the code', async () => {
    const upcasts = await upcastsOf([v2, v3]);
    expect(() => upcasts.raise(v3, 1, {})).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ from: 1, to: 2, path: 'payload.b' }) }),
    );
    expect(upcasts.raise(v3, 2, {})).toEqual({ c: 1 });
  });

  it('is judged by its end where the code has no contract of the version between', async () => {
    expect((await upcastsOf([v3])).raise(v3, 1, {})).toEqual({ c: 1 });
    const wrong = upTo3({ b: 1 }, { c: 'no number' });
    const upcasts = await upcastsOf([wrong]);
    expect(() => upcasts.raise(wrong, 1, {})).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ from: 2, to: 3, path: 'payload.c' }) }),
    );
  });

  it('is judged by its end where later versions have no upcaster', async () => {
    const last = defineEvent({
      name: 'a.b',
      version: 3,
      schema: z.object({ c: z.number() }),
      upcast: { 1: () => ({ c: 'no number' }) },
    });
    const upcasts = await upcastsOf([last]);
    expect(() => upcasts.raise(last, 1, {})).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_CONTRACT_UPCAST_FAILED' }),
    );
    // What is stored in version 2 passes no upcaster, and was checked when it was published.
    expect(upcasts.raise(last, 2, { c: 1 })).toEqual({ c: 1 });
  });
});
