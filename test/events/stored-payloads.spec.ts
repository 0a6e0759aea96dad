import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { IntegrationError } from '../../src/errors.js';
import { MAX_JSON_DEPTH } from '../../src/events/event-limits.js';
import { type SerializedJson, serializePayload } from '../../src/events/json-payload.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

const LIMITS = { maxPayloadBytes: 1_000_000 };

function serialized(value: unknown): SerializedJson | undefined {
  try {
    return serializePayload(value, LIMITS);
  } catch (error) {
    if (error instanceof IntegrationError) return undefined;
    throw error;
  }
}

describe('a payload that passes the checks', () => {
  it('is stored and weighed as it lies in the database, and read back as JSON would give it', async () => {
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
        const payloads = values.map(serialized).filter((payload) => payload !== undefined);
        const texts = payloads.map(({ json }) => json);
        const { rows } = await database.pool.query<{ value: unknown; bytes: number }>(
          'SELECT value, octet_length(value::text) AS bytes FROM unnest($1::jsonb[]) WITH ORDINALITY AS t(value, place) ORDER BY place',
          [texts],
        );
        expect(rows.map((row) => row.value)).toEqual(texts.map((text) => JSON.parse(text)));
        expect(rows.map((row) => row.bytes)).toEqual(payloads.map(({ bytes }) => bytes));
      }),
      { numRuns: 60 },
    );
  });

  it('may be as deep and its numbers as long as the limits allow', async () => {
    let deep: unknown = [Number.MAX_VALUE, Number.MIN_VALUE, -0, Number.MAX_SAFE_INTEGER, 0.1 + 0.2];
    for (let level = 1; level < MAX_JSON_DEPTH; level++) deep = { deep };
    const { rows } = await database.pool.query('SELECT $1::jsonb AS value', [serialized(deep)?.json]);
    expect(JSON.stringify(rows[0].value)).toBe(JSON.stringify(deep));
  });
});
