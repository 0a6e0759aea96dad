import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { runMigrations } from '../../src/database/migrations/migration-runner.js';
import {
  type EngineConnectionOptions,
  IntegrationModule,
  type IntegrationModuleOptions,
} from '../../src/index.js';
import { resolveOptions } from '../../src/module/integration.options.js';
import { startApp, type TestApp } from '../support/app.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const ROLE = `rotating_${process.pid}`;

let database: TestDatabase;
let app: TestApp | undefined;
let password = 'first';

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
  await database.pool.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD 'first'`);
  await database.pool.query(`GRANT CREATE ON DATABASE ${nameOf(database)} TO ${ROLE}`);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(async () => {
  await database?.pool.query(`DROP OWNED BY ${ROLE}`);
  await database?.pool.query(`DROP ROLE ${ROLE}`);
  await database?.drop();
});

function nameOf({ url }: TestDatabase): string {
  return new URL(url).pathname.slice(1);
}

function connectionTo(more: Partial<EngineConnectionOptions> = {}): EngineConnectionOptions {
  const { hostname, port } = new URL(database.url);
  return {
    host: hostname,
    port: Number(port),
    user: ROLE,
    database: nameOf(database),
    password,
    ...more,
  };
}

const optionsWith = (connection: EngineConnectionOptions): IntegrationModuleOptions => ({
  connection,
  connectionString: undefined,
  client: undefined,
});

describe('an engine connection in parts', () => {
  it('asks for the password before every connection, migrations included, and goes on after a rotation', async () => {
    let asked = 0;
    const seen = new Recorder<string>();
    const handler = async ({ aggregateId }: { aggregateId: string }) => seen.record(aggregateId);
    const connection = connectionTo({
      password: async () => {
        asked++;
        return password;
      },
    });
    app = await startApp(
      database,
      [{ eventName: 'a', consumerName: 'c', transactional: true, handler } as never],
      {
        ...optionsWith(connection),
        migrations: 'run',
      },
    );
    const { api } = app;
    const publish = (aggregateId: string) =>
      api.publishEvent({ eventName: 'a', sourceModule: 's', aggregateType: 't', aggregateId });
    await publish('before');
    await seen.find((id) => id === 'before');
    // The pool, the heartbeat, LISTEN, the client of the engine's own and the migrations at least.
    await until('each has asked', async () => asked >= 5);

    const askedBefore = asked;
    await database.pool.query(`ALTER ROLE ${ROLE} PASSWORD 'second'`);
    password = 'second';
    await database.pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
      ROLE,
    ]);
    await until('the event after the rotation is published', () =>
      publish('after').then(
        () => true,
        () => false,
      ),
    );
    await seen.find((id) => id === 'after');
    expect(asked).toBeGreaterThan(askedBefore);
  });

  it('may open its sockets itself', async () => {
    const { hostname, port } = new URL(database.url);
    let opened = 0;
    const stream = () => {
      opened++;
      const socket = connect(Number(port), hostname);
      // As Cloud SQL's connector: the socket is on its way already, and is not to be connected by the driver.
      socket.connect = () => socket;
      return socket;
    };
    await runMigrations({ connection: connectionTo({ host: undefined, port: undefined, stream }) });
    const db = new EngineDatabase({
      connection: connectionTo({ host: undefined, stream }),
      schema: 'integration',
    });
    expect(await db.query('SELECT current_user::text AS who')).toEqual([{ who: ROLE }]);
    await db.close();
    expect(opened).toBe(2);
  });

  it.each([
    [
      'fails',
      () => Promise.reject(new Error('no token today')),
      'INTEGRATION_DATABASE_UNREACHABLE',
      'no token today',
    ],
    [
      'gives nothing',
      () => undefined as never,
      'INTEGRATION_OPTIONS_INVALID',
      'connection.password gave no text',
    ],
    [
      'gives an empty text',
      () => '',
      'INTEGRATION_OPTIONS_INVALID',
      'connection.password gave an empty text',
    ],
  ])('whose password function %s says so', async (_what, password, code, message) => {
    const db = new EngineDatabase({ connection: connectionTo({ password }), schema: 'integration' });
    await expect(db.waitUntilReachable(0)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    await db.close();
  });

  it('with a wrong password fails the boot at once, without the password', async () => {
    const db = new EngineDatabase({
      connection: connectionTo({ password: 'sesame' }),
      schema: 'integration',
    });
    const error = await db.waitUntilReachable(10_000).catch((reason: unknown) => reason);
    await db.close();
    expect(error).toMatchObject({ code: 'INTEGRATION_DATABASE_LOGIN_REFUSED' });
    expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('sesame');
  });
});

describe('the options of a connection', () => {
  const refusal = (options: object) => {
    try {
      resolveOptions(options as never, undefined, {});
    } catch (error) {
      return error as { message: string; details: { problems: string[] } };
    }
    throw new Error('they were accepted');
  };

  it('are checked, each with its name and without its value', () => {
    const connection = {
      host: '',
      port: 70_000,
      user: 7,
      password: 5,
      ssl: 'sesame',
      stream: 'sesame',
      passwrd: 'sesame',
      options: undefined,
    };
    const error = refusal({ connection });
    expect(error.details.problems).toEqual([
      'connection.database is missing',
      'connection.host must be a text that is not empty',
      'connection.port must be a whole number from 1 to 65535',
      'connection.user must be a text that is not empty',
      'connection.password must be a text, or a function that gives one',
      'connection.ssl must be true, false, or options of node:tls',
      'connection.stream must be a function that opens a socket',
      expect.stringContaining('connection.passwrd is not an option'),
    ]);
    expect(error.message).not.toContain('sesame');
  });

  it('name one host', () => {
    const connection = { host: 'db1,db2', user: 'u', database: 'd', password: 'sesame' };
    const error = refusal({ connection });
    expect(error.details.problems).toEqual([
      expect.stringMatching(/^connection\.host names several hosts.*Name one host/),
    ]);
    expect(error.message).not.toContain('sesame');
    expect(IntegrationModule.forRoot({ connection: { ...connection, host: '/run/a,b' } })).toBeDefined();
  });

  it('exclude a connectionString, and go before DATABASE_URL', () => {
    const connection = { host: 'h', user: 'u', database: 'd' };
    expect(refusal({ connection, connectionString: 'postgres://h/d' }).details.problems).toEqual([
      'connection and connectionString exclude each other: give one',
    ]);
    expect(resolveOptions({ connection }, undefined, { DATABASE_URL: 'postgres://other/d' })).toMatchObject({
      connection,
      connectionString: undefined,
    });
    expect(refusal({ connection: 'postgres://h/d' }).details.problems).toEqual([
      expect.stringContaining('connection must be an object'),
    ]);
    expect(IntegrationModule.forRoot({ connection })).toBeDefined();
  });
});
