import { describe, expect, it } from '@jest/globals';
import { validateConnectionString } from './connection-string.js';

describe('a connection string', () => {
  it.each([
    'postgres://me:secret@db.example.com:5432/app',
    'postgresql://me@db.example.com/app?sslmode=disable',
    'postgresql://me:secret@/app?host=%2Fvar%2Frun%2Fpostgresql',
    'postgresql://me:pa%23ss%25word@db.example.com/app?options=-c+search_path%3Dapp',
    'postgresql://me:se cret@db/app',
    'postgresql://me:se,cret@db/a,pp',
    'postgresql://me:secret@/app?host=%2Frun%2Fa%2Cb',
    'postgresql://me:secret@[::1]:5432/app',
  ])('stays as it is: %s', (url) => {
    expect(validateConnectionString(` ${url}\n`)).toBe(url);
  });

  it('loses the parameters that are not for the driver, and keeps the others', () => {
    const url =
      'postgresql://me:secret@db/app?schema=public&connection_limit=5&sslmode=disable&pgbouncer=true&types=x&statement_timeout=0';
    expect(validateConnectionString(url)).toBe('postgresql://me:secret@db/app?sslmode=disable');
    expect(validateConnectionString('postgresql://db/app?schema=public')).toBe('postgresql://db/app');
  });

  it.each([
    ['', /is empty/],
    ['"postgres://me:secret@db/app"', /stands in quotes/],
    ['prisma://accelerate.example.com/?api_key=secret', /direct postgres:\/\/ URL/],
    ['prisma+postgres://localhost:51213/?api_key=secret', /direct postgres:\/\/ URL/],
    ['mysql://me:secret@db/app', /must start with postgres/],
    ['me:secret@db/app', /must start with postgres/],
    ['postgres://me:1234#secret@db/app', /has a #/],
    ['postgres://me:sec/ret@db/app', /percent-encoded/],
    ['postgres://me:secret%ff@db/app', /percent-encoded/],
    ['postgres://me:12/secret@db/app', /an @ behind the host.*percent-encoded/],
    ['postgresql://me:12/3/secret@db:5432/app?sslmode=disable', /an @ behind the host/],
    ['postgres://me:12/3?secret@db/app', /an @ behind the host/],
    ['postgres://me:12?secret@db/app', /an @ behind the host/],
    ['postgres://me:secret@db1,db2/app', /several hosts.*Name one host: the primary/],
    ['postgres://me:secret@db1:5432,db2:5433/app?target_session_attrs=read-write', /several hosts/],
    ['postgres://me:secret@/app?host=db1,db2', /several hosts/],
    ['postgres://me:secret@/app?host=db1%2Cdb2&port=5432,5433', /several hosts/],
    ['postgres://me:secret@db1%2Cdb2/app', /several hosts/],
    ['postgres://me:secret@/app?host=/run/one,/run/two', /several hosts/],
  ])('is refused with a reason and without its password: %s', (url, reason) => {
    let error: unknown;
    try {
      validateConnectionString(url);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      message: expect.stringMatching(reason),
    });
    expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('secret');
  });
});
