import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { IntegrationError } from '../src/errors.js';
import { MAX_JSON_DEPTH } from '../src/events/event-limits.js';
import { serializePayload } from '../src/events/json-payload.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

const LIMITS = { maxPayloadBytes: 1_000_000 };

function serialized(value: unknown): string | undefined {
  try {
    return serializePayload(value, LIMITS).json;
  } catch (error) {
    if (error instanceof IntegrationError) return undefined;
    throw error;
  }
}

describe('a payload that passes the checks', () => {
  it('is stored, and read back as JSON would give it', async () => {
    const anything = fc.anything({
      withBoxedValues: true,
      withDate: true,
      withNullPrototype: true,
      withSparseArray: true,
      withObjectString: true,
      stringUnit: 'binary',
    });
    const batches = fc.array(anything, { minLength: 50, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(batches, async (values) => {
        const texts = values.map(serialized).filter((text) => text !== undefined);
        const { rows } = await database.pool.query<{ value: unknown }>(
          'SELECT value FROM unnest($1::jsonb[]) WITH ORDINALITY AS t(value, place) ORDER BY place',
          [texts],
        );
        expect(rows.map((row) => row.value)).toEqual(texts.map((text) => JSON.parse(text)));
      }),
      { numRuns: 60 },
    );
  });

  it('may be as deep and its numbers as long as the limits allow', async () => {
    let deep: unknown = [Number.MAX_VALUE, Number.MIN_VALUE, -0, Number.MAX_SAFE_INTEGER, 0.1 + 0.2];
    for (let level = 1; level < MAX_JSON_DEPTH; level++) deep = { deep };
    const { rows } = await database.pool.query('SELECT $1::jsonb AS value', [serialized(deep)]);
    expect(JSON.stringify(rows[0].value)).toBe(JSON.stringify(deep));
  });
});
