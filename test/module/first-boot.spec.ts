import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type DynamicModule, type INestApplicationContext, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { runMigrations } from '../../src/database/migrations/migration-runner.js';
import {
  IntegrationDeveloperApiService,
  IntegrationError,
  IntegrationModule,
  type IntegrationModuleOptions,
} from '../../src/index.js';
import { BOOT_DEADLINE_MS } from '../../src/module/engine-boot.js';
import { hearLog, type LogLines, silenceLog, TEST_LOGGER } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let lines: LogLines;
const running: INestApplicationContext[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => {
  lines = hearLog();
});
afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
  silenceLog();
});
afterAll(() => database.drop());

async function boot(...imports: (DynamicModule | (new () => unknown))[]): Promise<INestApplicationContext> {
  const app = await Test.createTestingModule({ imports })
    .overrideProvider(BOOT_DEADLINE_MS)
    .useValue(2_000)
    .setLogger(TEST_LOGGER)
    .compile();
  running.push(app);
  await app.init();
  return app;
}

async function failureOf(...imports: Parameters<typeof boot>): Promise<IntegrationError> {
  const error = await boot(...imports).then(
    () => new Error('it booted'),
    (reason: unknown) => reason,
  );
  if (error instanceof IntegrationError) return error;
  throw error;
}

const forRoot = (options: IntegrationModuleOptions = {}) =>
  IntegrationModule.forRoot({ connectionString: database.url, ...options });

/** The URL of the test's database, with other parts. */
function urlWith(
  parts: Partial<Record<'port' | 'password' | 'username' | 'pathname' | 'search', string>>,
): string {
  return Object.assign(new URL(database.url), parts).toString();
}

describe('a database that cannot be used', () => {
  it('is warned about from the first try on, and refused in the end', async () => {
    const error = await failureOf(forRoot({ connectionString: 'postgresql://me:secret@127.0.0.1:1/none' }));
    expect(error.code).toBe('INTEGRATION_DATABASE_UNREACHABLE');
    const [first] = lines.texts('warn');
    expect(first).toContain('Cannot reach Postgres at 127.0.0.1:1/none');
    expect(first).toMatch(/ECONNREFUSED.*Trying again, for \d+ s more/);
    expect(first).not.toContain('secret');
  });

  it('that has another name is told apart from a server that is not there, at once', async () => {
    const error = await failureOf(forRoot({ connectionString: urlWith({ pathname: '/nobody_made_this' }) }));
    expect(error.code).toBe('INTEGRATION_DATABASE_UNKNOWN');
    expect(error.message).toContain('nobody_made_this');
    expect(error.message).toContain('check the name behind the last /');
    expect(lines.texts('warn')).toEqual([]);
  });

  it.each([
    ['a wrong password', { password: 'wr0ng-secret' }],
    ['an unknown user', { username: 'nobody_is_this' }],
    ['no password', { password: '' }],
  ])('for %s says that the server answered', async (_, parts) => {
    const url = urlWith(parts);
    const error = await failureOf(forRoot({ connectionString: url }));
    expect(error.code).toBe('INTEGRATION_DATABASE_LOGIN_REFUSED');
    expect(error.message).toContain('host and port are right: check user and password');
    expect(error.message).not.toContain('wr0ng-secret');
    expect(lines.texts('warn')).toEqual([]);
    // The command that migrates says the same.
    await expect(runMigrations({ connectionString: url })).rejects.toMatchObject({ code: error.code });
  });

  it('whose URL is missing is explained: the commands read .env, the application does not', async () => {
    const given = process.env.DATABASE_URL;
    delete process.env.DATABASE_URL;
    try {
      const { message } = await failureOf(IntegrationModule.forRoot());
      expect(message).toContain('The commands of nestjs-integration read .env; the application does not');
      expect(message).toContain('node --env-file=.env');
      expect(message).toContain('ConfigModule.forRoot()');
    } finally {
      if (given !== undefined) process.env.DATABASE_URL = given;
    }
  });

  it('whose URL looks like a pooler’s is hinted at before it is tried', async () => {
    await boot(forRoot({ connectionString: urlWith({ search: '?pgbouncer=true' }) }));
    expect(lines.texts('warn')).toContainEqual(expect.stringContaining('looks like the URL of a pooler'));
  });
});

describe('clientToken without its module', () => {
  @Injectable()
  class PrismaService {
    readonly $queryRawUnsafe = async () => [];
    readonly $executeRawUnsafe = async () => 0;
    readonly $transaction = async () => {};
  }
  @Module({ providers: [PrismaService], exports: [PrismaService] })
  class PrismaModule {}
  @Module({ imports: [PrismaModule], exports: [PrismaModule] })
  class DataModule {}

  it('names the option, the token and the module that provides it', async () => {
    const error = await failureOf(forRoot({ clientToken: PrismaService }), PrismaModule);
    expect(error.code).toBe('INTEGRATION_CLIENT_MISSING');
    expect(error.message).toContain('forRoot({ imports: [PrismaModule], clientToken: PrismaService })');
    expect(error.details).toEqual({ clientToken: 'PrismaService', providedBy: ['PrismaModule'] });
  });

  it('names the option where no module provides it', async () => {
    const error = await failureOf(forRoot({ clientToken: 'PRISMA' }));
    expect(error.message).toContain(`no module provides it`);
    expect(error.message).toContain(`forRoot({ imports: [YourModule], clientToken: 'PRISMA' })`);
  });

  it('says so where the module does not export it', async () => {
    @Module({ providers: [PrismaService] })
    class ClosedModule {}
    const error = await failureOf(forRoot({ imports: [ClosedModule], clientToken: PrismaService }));
    expect(error.message).toContain('list it among the exports of ClosedModule');
    expect(error.message).not.toContain('imports: [');
  });

  it('says so where the module that provides it imports IntegrationModule itself', async () => {
    @Module({ imports: [forRoot({ clientToken: PrismaService })], providers: [PrismaService] })
    class AppModule {}
    const error = await failureOf(AppModule);
    expect(error.message).toContain('AppModule provides it, and imports IntegrationModule itself');
    expect(error.message).toContain('imports: [YourModule]');
  });

  it('is told alike of a token that only the factory gives', async () => {
    const error = await failureOf(
      IntegrationModule.forRootAsync({
        useFactory: () => ({ connectionString: database.url, clientToken: 'PRISMA' }),
      }),
    );
    expect(error.code).toBe('INTEGRATION_CLIENT_MISSING');
  });

  it('lets a client’s own failure pass as it is', async () => {
    const failure = new Error('the client could not be made');
    @Module({
      providers: [{ provide: 'PRISMA', useFactory: () => Promise.reject(failure) }],
      exports: ['PRISMA'],
    })
    class FailingModule {}
    await expect(boot(forRoot({ imports: [FailingModule], clientToken: 'PRISMA' }))).rejects.toBe(failure);
  });

  it('is none where an imported module passes another one on', async () => {
    const prisma = database.prisma();
    @Module({ providers: [{ provide: 'PRISMA', useValue: { client: prisma } }] })
    class Unrelated {}
    const error = await boot(forRoot({ imports: [DataModule], clientToken: PrismaService }), Unrelated).catch(
      (reason: unknown) => reason,
    );
    // It is found; that this one answers nothing is another matter.
    expect((error as Partial<IntegrationError>).code).not.toBe('INTEGRATION_CLIENT_MISSING');
  });
});

describe('options of a transaction that its client ignores', () => {
  const problemsOf = async (app: INestApplicationContext, options: object) => {
    const ran = jest.fn(async () => 1);
    const error = await app
      .get(IntegrationDeveloperApiService)
      .transaction(ran, options)
      .catch((reason: unknown) => reason);
    expect(ran).not.toHaveBeenCalled();
    expect(error).toMatchObject({ code: 'INTEGRATION_OPTIONS_INVALID' });
    return (error as IntegrationError).message;
  };

  it('are refused: the engine’s own client leaves the wait for a connection to its pool', async () => {
    const app = await boot(forRoot());
    expect(await problemsOf(app, { maxWait: 500 })).toContain('maxWait is ignored by the client');
    expect(await app.get(IntegrationDeveloperApiService).transaction(async () => 1, { timeout: 5_000 })).toBe(
      1,
    );
  });

  it('are refused where a client of the host says so', async () => {
    const client = Object.assign(Object.create(database.prisma()), { $transactionLimits: [] });
    const app = await boot(forRoot({ client }));
    expect(await problemsOf(app, { timeout: 500 })).toContain('timeout is ignored by the client');
  });

  it('are none for Prisma, which heeds both; others are refused by name', async () => {
    const app = await boot(forRoot({ client: database.prisma() }));
    const api = app.get(IntegrationDeveloperApiService);
    expect(await api.transaction(async () => 1, { maxWait: 5_000, timeout: 5_000 })).toBe(1);
    expect(await problemsOf(app, { timeoutMs: 5 })).toContain('(did you mean timeout?)');
    expect(await problemsOf(app, { timeout: '5 s' })).toContain('timeout must be a number of milliseconds');
    expect(await problemsOf(app, { isolationLevel: 'Serializable' })).toContain('isolationLevel is always');
  });
});
