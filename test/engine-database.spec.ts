import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EngineDatabase } from '../src/database/engine-database.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

let database: TestDatabase;
let engine: EngineDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  engine = database.engine();
});
afterAll(() => database.drop());

describe('rows taken one by one', () => {
  it('are what the database holds: null, empty, large and not ASCII', async () => {
    const large = 'Größe '.repeat(200_000);
    const rows: (string | null)[][] = [];
    await engine.forEachRow(
      'all_kinds',
      "SELECT t, n FROM (VALUES ($1::text, 1), (NULL, 2), ('', 3), ('日本', NULL)) AS v (t, n)",
      [large],
      (row) => rows.push([0, 1].map((column) => (row.isNull(column) ? null : row.text(column)))),
    );
    expect(rows).toEqual([
      [large, '1'],
      [null, '2'],
      ['', '3'],
      ['日本', null],
    ]);
  });

  it('end with the statement that fails among them; the connection serves the next one', async () => {
    const seen: number[] = [];
    const failing = engine.forEachRow(
      'fails_late',
      'SELECT n, 1 / (3000 - n) FROM generate_series(1, 5000) AS n',
      [],
      (row) => seen.push(row.integer(0)),
    );
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    expect(seen.at(-1)).toBeLessThan(3000);
    expect(await engine.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('end with what could not be done with one of them; the connection serves the next one', async () => {
    const failing = engine.forEachRow('each', 'SELECT n FROM generate_series(1, 5000) AS n', [], (row) => {
      if (row.integer(0) === 10) throw new Error('ten');
    });
    await expect(failing).rejects.toThrow('ten');
    expect(await engine.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('end with a statement that cannot be prepared; the connection serves the next one', async () => {
    const failing = engine.forEachRow('no_such', 'SELECT 1 FROM no_such_table', [], () => {});
    await expect(failing).rejects.toMatchObject({ code: '42P01' });
    expect(await engine.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('end when the server ends the session', async () => {
    const seen: number[] = [];
    const failing = engine.forEachRow(
      'cut_off',
      `SELECT n, CASE WHEN n = 4000 THEN pg_terminate_backend(pg_backend_pid()) END FROM generate_series(1, 5000) AS n`,
      [],
      (row) => seen.push(row.integer(0)),
    );
    await expect(failing).rejects.toThrow();
    const again: number[] = [];
    await engine.forEachRow('again', 'SELECT n FROM generate_series(1, 3) AS n', [], (row) =>
      again.push(row.integer(0)),
    );
    expect(again).toEqual([1, 2, 3]);
  });
});
