import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { type Route } from '../../src/admin/routes/route.js';
import { isWrite } from '../../src/rest/route.js';
import { runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, type Answered, startAdminApp } from './admin-app.js';
import { everyRoute, partModules } from './every-section.js';
import { bodyFor, fillWithSomething, targetOf } from './something-of-everything.js';

/*
 * Somebody holds all tables, as a migration of the host or a dump with locks does. Whoever administers is told
 * after a while that others hold what is needed. No route and no command hangs, and none says that it is broken.
 */

let database: TestDatabase;
/** Each of them asks for one thing at a time. */
let apps: AdminApp[];
let holder: pg.PoolClient;
const bodies = new Map<Route, Record<string, unknown>>();

const ROUTES = await everyRoute();
const documented = ({ path }: Route) => `/${path.replace(/:(\w+)/g, '{$1}')}`;
/** They ask no table, or say otherwise what they could not read. */
const APART = ['session', 'openapi', 'stream', 'doctor', 'webhooks/event-types'];

beforeAll(async () => {
  database = await createTestDatabase();
  apps = await Promise.all(
    Array.from({ length: 6 }, () => startAdminApp(database, { module: { imports: partModules() } })),
  );
  await fillWithSomething(database, apps[0] as AdminApp);
  for (const route of ROUTES)
    if (isWrite(route)) bodies.set(route, await bodyFor(documented(route), database));
  const { rows } = await database.pool.query<{ tables: string }>(
    `SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') AS tables FROM pg_tables WHERE schemaname = 'integration'`,
  );
  holder = await database.pool.connect();
  // A statement of an application that reads two of the tables may wait for this in a circle, which ends either of them.
  while (!(await holds(rows[0]?.tables ?? ''))) await holder.query('ROLLBACK');
});
afterAll(async () => {
  await holder.query('ROLLBACK');
  holder.release();
  await Promise.all(apps.map((app) => app.close()));
  await database.drop();
});

async function holds(tables: string): Promise<boolean> {
  try {
    await holder.query(`BEGIN; LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE`);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === '40P01') return false;
    throw error;
  }
}

const COMMANDS = [
  'status',
  'consumers list',
  'consumers show billing',
  'consumers pause billing --yes',
  'dead-letters list',
  'dead-letters groups',
  'dead-letters redrive --consumer billing --yes',
  'dead-letters discard --consumer billing --reason test --yes',
  'dead-letters rehearse 00000000-0000-7000-8000-000000000001 --consumer billing --dry-run',
  'replay billing --from 1 --yes',
  'operations list',
  'events list',
  'processes list',
  'settings list',
  'settings set maxAttempts 7 --yes',
  'audit list',
];

const routes = ROUTES.filter(({ path }) => !APART.includes(path) && !path.startsWith('ui'));

function asked(app: AdminApp, route: Route): Promise<Answered> {
  const json = bodies.get(route);
  // There has been no change that could be taken back. The settings are read before that is seen.
  const body = route.path === 'settings/restore' ? { changeId: 1 } : json;
  return app.ask(targetOf(documented(route)), {
    method: route.method,
    headers: { 'x-integration-admin': 'test' },
    ...(body === undefined ? {} : { json: body }),
  });
}

describe('while somebody holds all tables', () => {
  it('every route says so', async () => {
    const queue = [...routes];
    const answers: unknown[] = [];
    const askInTurn = async (app: AdminApp) => {
      for (let route = queue.shift(); route !== undefined; route = queue.shift()) {
        const { status, json, text } = await asked(app, route);
        expect(text).not.toMatch(/SELECT |UPDATE |INSERT |relation|lock timeout/);
        answers.push([route.method, route.path, status, json.code]);
      }
    };
    await Promise.all(apps.map(askInTurn));
    expect(answers).toHaveLength(routes.length);
    expect(answers).toEqual(
      answers.map((answer) => [...(answer as unknown[]).slice(0, 2), 503, 'INTEGRATION_ADMIN_TIMEOUT']),
    );
  });

  it('every command says so', async () => {
    const answers = await Promise.all(
      COMMANDS.map(async (words) => {
        const { status, result } = await runJsonCommand(words.split(' '), database);
        return [words, status, result.error?.code];
      }),
    );
    expect(answers).toEqual(COMMANDS.map((words) => [words, 1, 'INTEGRATION_ADMIN_TIMEOUT']));
  });
});
