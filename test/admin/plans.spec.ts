import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { SampleStore } from '../../src/rates/sample.store.js';
import { BACKLOG_STATES } from '../../src/status/consumer-backlog.js';
import { CONSUMERS, EVENTS, fillDatabase } from '../support/filled-database.js';
import { PlanLog, type PlanNode, type RunStatement } from '../support/plan-log.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, startAdminApp } from './admin-app.js';

/*
 * By which plans the reads of the admin API run once there is much of everything, as the server tells it. A page reads neither the log
 * nor the inbox as a whole, and sorts no more than a page has. An incremental sort only puts rows of one position in order.
 */
const MOST_READ = EVENTS / 2;
const MOST_SORTED = 1_000;
const SETUP_LIMIT_MS = 540_000;

let database: TestDatabase;
let proxy: TcpProxy;
let admin: AdminApp;
const log = new PlanLog();

beforeAll(async () => {
  database = await createTestDatabase();
  await fillDatabase(database);
  await PlanLog.switchOn(database, {});
  proxy = await startTcpProxy(database.url, undefined, log.answers);
  admin = await startAdminApp({ ...database, url: proxy.url });
}, SETUP_LIMIT_MS);
afterAll(async () => {
  await admin.close();
  await proxy.close();
  await database.drop();
});

const isOfMuch = (node: PlanNode) => /^(outbox|inbox)_event$/.test(node['Relation Name'] ?? '');
const rowsOf = (node: PlanNode) =>
  node['Actual Loops'] *
  (node['Actual Rows'] +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0));

/** The statements that scan, read or sort too much, each with what it did. */
function offences(ran: readonly RunStatement[]): string[] {
  return ran.flatMap(({ sql, nodes }) => {
    const scans = nodes.filter(
      (node) => isOfMuch(node) && (node['Node Type'] === 'Seq Scan' || rowsOf(node) > MOST_READ),
    );
    const sorts = nodes.filter(({ 'Node Type': type }) => type === 'Sort').flatMap(({ Plans = [] }) => Plans);
    const sorted = Math.max(0, ...sorts.map((node) => node['Actual Loops'] * node['Actual Rows']));
    return scans.length > 0 || sorted > MOST_SORTED
      ? [`${scans.length} scans, ${sorted} sorted: ${sql}`]
      : [];
  });
}

describe('with much in the log and in the inbox, the admin API', () => {
  it('reads pages, counts and rates by its indexes', async () => {
    const [name] = CONSUMERS;
    const paths = [
      'overview',
      'consumers',
      `consumers/${name}`,
      `consumers/${name}/backlog`,
      ...BACKLOG_STATES.map((state) => `consumers/${name}/backlog?state=${state}`),
      `consumers/${name}/blocked`,
      `consumers/${name}/running`,
      `consumers/${name}/rates`,
      `consumers/${name}/work`,
      'rates',
      'dead-letters',
      `dead-letters?consumer=${name}&eventName=order.placed`,
      'dead-letters?eventName=order.placed',
      'dead-letters?aggregateType=order&aggregateId=hot',
      'dead-letters/groups',
      'events',
      'events?name=order.*&module=shop',
      'entities/order/hot/timeline',
      'processes',
      'audit',
      'operations',
    ];
    log.take();
    for (const path of paths) {
      for (let page = 0, after = ''; page < 2; page++) {
        const answer = await admin.ask(`${path}${after}`);
        expect([path, answer.status]).toEqual([path, 200]);
        if (typeof answer.json.next !== 'string') break;
        after = `${path.includes('?') ? '&' : '?'}after=${answer.json.next}`;
      }
    }
    const ran = log.take();
    for (const piece of [
      'int8multirange(int8range($2, $3))',
      `r.status = 'dead_letter'`,
      'publishedPerSecond',
      'integration_work',
    ])
      expect([piece, ran.some(({ sql }) => sql.includes(piece))]).toEqual([piece, true]);
    expect(offences(ran)).toEqual([]);
  });

  it('finds samples that were taken by indexes', async () => {
    const engine = new EngineDatabase({ connectionString: proxy.url, schema: 'integration', max: 1 });
    try {
      log.take();
      expect(await new SampleStore(engine).take(1_000)).toBeGreaterThan(0);
      const ran = log.take();
      expect(ran.some(({ sql }) => sql.includes('INSERT INTO'))).toBe(true);
      expect(offences(ran.filter(({ sql }) => !sql.includes('pg_settings')))).toEqual([]);
    } finally {
      await engine.close();
    }
  });
});
