import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { OutboxProcessor, OutboxService } from '../../src/index.js';
import { codeBlocks, readPage } from '../support/pages.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const FILE = /^\/\/ file: ([a-z-]+)\/app\.module\.ts\n/;

/** The section of each library in the guide's page on clients, by its folder. */
const SECTIONS = codeBlocks(readPage('docs/guide/start/clients.md').text).flatMap(({ text }) => {
  const [, folder] = FILE.exec(text) ?? [];
  return folder === undefined ? [] : [[folder, text] as const];
});

interface Example {
  AppModule: Type;
  InvoicesService: Type<{ create(id: string, total: number): Promise<void> }>;
}

describe('the sections of libraries in the guide', () => {
  let database: TestDatabase;
  let folder: string;
  const given = process.env.DATABASE_URL;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.pool.query('CREATE TABLE booking (invoice_id text PRIMARY KEY, total integer NOT NULL)');
    folder = mkdtempSync(join(import.meta.dirname, '.guide-'));
    process.env.DATABASE_URL = database.url;
  });

  afterAll(async () => {
    if (given === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = given;
    rmSync(folder, { recursive: true, force: true });
    await database.drop();
  });

  it('are there for each of the eight', () => {
    expect(SECTIONS.map(([name]) => name)).toEqual([
      'typeorm',
      'drizzle',
      'kysely',
      'mikro-orm',
      'knex',
      'sequelize',
      'postgres-js',
      'pg',
    ]);
  });

  it.each(SECTIONS)('work as printed: %s', async (name, text) => {
    const file = join(folder, `${name}.ts`);
    writeFileSync(file, text);
    const { AppModule, InvoicesService } = (await import(file)) as Example;
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    try {
      const id = crypto.randomUUID();
      await app.get(InvoicesService).create(id, 7);
      await app.get(OutboxProcessor).drain();
      const { items } = await app.get(OutboxService).timeline('invoice', id);
      expect(items).toEqual([
        expect.objectContaining({ eventName: 'invoice.created', payload: { total: 7 }, status: 'processed' }),
      ]);
      for (const table of ['invoice', 'booking']) expect(await totalsOf(table, id)).toEqual([7]);
    } finally {
      await app.close();
    }
  });

  async function totalsOf(table: string, id: string): Promise<number[]> {
    const key = table === 'invoice' ? 'id' : 'invoice_id';
    const { rows } = await database.pool.query(`SELECT total FROM ${table} WHERE ${key} = $1`, [id]);
    return rows.map(({ total }) => total);
  }
});
