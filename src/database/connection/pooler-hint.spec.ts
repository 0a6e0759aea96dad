import { describe, expect, it } from '@jest/globals';
import { poolerHint } from './pooler-hint.js';

describe('the hint at a pooler', () => {
  it.each([
    ['postgresql://me:secret@ep-cool-1-pooler.eu.aws.neon.tech/db?sslmode=require', 'without "-pooler"'],
    [
      'postgres://postgres.ref:secret@aws-0-eu-1.pooler.supabase.com:6543/postgres',
      'db.<project>.supabase.co',
    ],
    ['postgresql://me:secret@db.example:6432/app?schema=public&pgbouncer=true', 'of Postgres itself'],
  ])('is given for %s', (url, words) => {
    expect(poolerHint(url)).toContain('looks like the URL of a pooler');
    expect(poolerHint(url)).toContain(words);
    expect(poolerHint(url)).not.toContain('secret');
  });

  it.each([
    'postgresql://me:secret@ep-cool-1.eu.aws.neon.tech/db',
    'postgresql://my-pooler.user:a-pooler.b@127.0.0.1:5432/app',
    'postgresql://me@db.example/x-pooler.y',
    'postgresql://me@db.example/app?pgbouncer=false',
    'nonsense',
  ])('is not given for %s', (url) => {
    expect(poolerHint(url)).toBeUndefined();
  });
});
