import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { runMigrations } from '../../src/database/migrations/migration-runner.js';
import { IntegrationError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand } from '../support/command.js';
import { startMigratedServer } from '../support/migrated-server.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const ROLE = `reading_${process.pid}`;
const SETTING = 'default_transaction_read_only';

let database: TestDatabase;
let name: string;
let app: TestApp | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
  name = new URL(database.url).pathname.slice(1);
  await writing(`CREATE ROLE ${ROLE} LOGIN SUPERUSER PASSWORD 'its-password'`);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await writing(`DROP ROLE ${ROLE}`);
  await database.drop();
});

/** As the messages say: in one session, which is made to write first. */
async function writing(sql: string): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query(`SET ${SETTING} = off`);
    await client.query(sql);
  } finally {
    client.release(true);
  }
}

function urlOfRole(parameters = ''): string {
  const url = new URL(database.url);
  url.username = ROLE;
  url.password = 'its-password';
  return `${url}${parameters}`;
}

async function refusalOf(work: Promise<unknown>): Promise<IntegrationError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(IntegrationError);
  return error as IntegrationError;
}

const start = async (connectionString: string) => {
  app = await startApp(database, [], { connectionString });
};

/** Where the setting may stand, the statement that sets it, and the one that takes it away. */
const PLACES = [
  {
    place: 'the database',
    set: () => `ALTER DATABASE "${name}" SET ${SETTING} = on`,
    says: () => `ALTER DATABASE "${name}" RESET ${SETTING};`,
  },
  {
    place: 'the role',
    set: () => `ALTER ROLE ${ROLE} SET ${SETTING} = on`,
    says: () => `ALTER ROLE "${ROLE}" RESET ${SETTING};`,
  },
  {
    place: 'the role in this database',
    set: () => `ALTER ROLE ${ROLE} IN DATABASE "${name}" SET ${SETTING} = on`,
    says: () => `ALTER ROLE "${ROLE}" IN DATABASE "${name}" RESET ${SETTING};`,
  },
];

describe('a server whose sessions only read', () => {
  it.each(PLACES)(
    'is refused, with a statement that mends it: set for $place',
    async ({ place, set, says }) => {
      await writing(set());
      const refusal = await refusalOf(start(urlOfRole()));
      expect(refusal.code).toBe('INTEGRATION_DATABASE_READ_ONLY');
      expect(refusal.message).toContain(`${SETTING} is on, set for ${place}. `);
      const [, statement = ''] = /Run in one session: SET \w+ = off; ([^;]+;)/.exec(refusal.message) ?? [];
      expect(statement).toBe(says());
      await writing(statement);
      await start(urlOfRole());
    },
  );

  it('is refused where the connection itself asks for it', async () => {
    const refusal = await refusalOf(start(urlOfRole(`?options=-c%20${SETTING}%3Don`)));
    expect(refusal).toMatchObject({
      code: 'INTEGRATION_DATABASE_READ_ONLY',
      message: expect.stringContaining('set by the connection itself. Take it out of options'),
    });
    expect(refusal.message).not.toContain('its-password');
  });

  it('is refused by a migration', async () => {
    await writing(`ALTER ROLE ${ROLE} SET ${SETTING} = on`);
    const refusal = await refusalOf(
      runMigrations({ connectionString: urlOfRole(), schema: 'integration', lines: [] }),
    );
    expect(refusal.code).toBe('INTEGRATION_DATABASE_READ_ONLY');
  });

  it.each(['migrate', 'doctor'])('is said by the command %s', async (command) => {
    await writing(`ALTER ROLE ${ROLE} SET ${SETTING} = on`);
    const { status, stdout, stderr } = await runCommand([command], { url: urlOfRole() });
    expect(status).toBe(1);
    expect(`${stdout}${stderr}`).toContain(`ALTER ROLE "${ROLE}" RESET ${SETTING};`);
    expect(`${stdout}${stderr}`).not.toContain('its-password');
  });

  it('is no obstacle for sessions of admins, which only read by themselves', async () => {
    const admin = new EngineDatabase({ connectionString: database.url, schema: 'integration', use: 'admin' });
    await expect(admin.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
    await admin.close();
  });
});

describe('a client of the host whose transactions only read', () => {
  it('is refused, though the engine may write', async () => {
    await writing(`ALTER ROLE ${ROLE} SET ${SETTING} = on`);
    const refusal = await refusalOf(
      startApp(database, [], { client: database.prisma({ url: urlOfRole() }) }),
    );
    expect(refusal).toMatchObject({
      code: 'INTEGRATION_DATABASE_READ_ONLY',
      message: expect.stringContaining("The transactions of the host's client only read"),
    });
  });
});

describe('a server of which every session only reads', () => {
  it.each([
    ['for all roles', [`ALTER ROLE ALL SET ${SETTING} = on`], `ALTER ROLE ALL RESET ${SETTING};`],
    [
      'for the server',
      [`ALTER SYSTEM SET ${SETTING} = on`, 'SELECT pg_reload_conf()'],
      `ALTER SYSTEM RESET ${SETTING}; SELECT pg_reload_conf();`,
    ],
  ])('is refused, with a statement that mends it: set %s', async (place, sets, says) => {
    const server = await startMigratedServer();
    const run = async (statements: readonly string[]) => {
      const client = await server.pool.connect();
      try {
        for (const sql of [`SET ${SETTING} = off`, ...statements]) await client.query(sql);
      } finally {
        client.release();
      }
    };
    // The server reads its configuration a moment after it was told to.
    const answer = () =>
      runMigrations({ connectionString: server.url }).catch((error) => error as IntegrationError);
    try {
      await run(sets);
      const refusal = await until('it is refused', async () => {
        const found = await answer();
        return found instanceof IntegrationError && found;
      });
      expect(refusal.code).toBe('INTEGRATION_DATABASE_READ_ONLY');
      expect(refusal.message).toContain(`${SETTING} is on, set ${place}. `);
      expect(refusal.message).toContain(says);
      await run(says.split(';').filter((sql) => sql.trim() !== ''));
      await until('it is taken again', async () => !((await answer()) instanceof Error));
    } finally {
      await server.stop();
    }
  });
});
