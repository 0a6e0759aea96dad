import { median, medianRatio } from '../../harness/median.js';
import type { ProofDatabase } from '../../harness/proof-server.js';
import { sleep } from '../../harness/wait.js';
import { AdminApi } from '../admin-api.js';
import { fillBigDatabase } from '../big-database.js';
import { DEAD_LETTERS_COUNTED, FLUSH_STATISTICS, SAMPLES_OF_THINGS, SCANS } from '../big-database.store.js';
import { filtersOf, type Things } from '../filters.js';
import { type ReadRoute, readRoutes, withParameter } from '../read-routes.js';
import type { OpsCheck, OpsStage } from './ops-check.js';

/** A look at all consumers is shared for two seconds, so that the next request would measure nothing. */
const LOOK_MS = 2_050;
const WARM_UP_ROUNDS = 2;
/** How many pages of a thousand rows lie before the deep page. */
const PAGES_BEFORE = 20;
const LARGEST_PAGE = 1_000;
const MOST_AGAINST_EMPTY = { overview: 3, page: 5 };
/** The small sizes only show that no page has got slow. A few milliseconds decide there, and a busy machine adds some. */
const SLACK_OF_SMALL = 3;
/** What no index has is looked for in 100,000 positions, 150,000 dead letters or 20,000 groups, however many there are. */
const PART_MS = 1_000;
const ON_THE_OVERVIEW = ['overview', 'dead-letters/groups'];
/**
 * Two count over all consumers: dead letters by their kind, and the newest events by their name. The journey of an
 * entity shows its newest events with all that came of each, and an empty database has none of them.
 */
const LOOKS_AT_PART = ['problems', 'flow', 'entities/{type}/{id}/journey'];

interface Request {
  readonly name: string;
  /** How many times as long as with the empty database. Undefined for a page that looks at more than it shows. */
  readonly most: number | undefined;
  readonly full: string;
  readonly empty: string;
}

/** The admin API over real HTTP, with much of everything in the database and with nothing in it, in turn. */
export const size: OpsCheck = {
  name: 'size',
  shows: 'overview and groups at most 3 times, any page at most 5 times those of an empty database',
  run: async (stage) => {
    const { database, sizes, server, processes, report } = stage;
    const from = performance.now();
    await fillBigDatabase(database, sizes);
    report.figure('size-seconds-to-fill', (performance.now() - from) / 1e3);
    const emptyDatabase = await server.createDatabase('size-empty');
    try {
      const start = ({ url }: ProofDatabase) =>
        AdminApi.of(processes.application({ databaseUrl: url, role: 'publisher' }));
      const full = await start(database);
      const empty = await start(emptyDatabase);
      await measure(stage, full, empty);
      await walk(stage, full);
      await processes.closeAll();
    } finally {
      await emptyDatabase.drop();
    }
  },
};

async function measure(
  { database, sizes, report }: OpsStage,
  full: AdminApi,
  empty: AdminApi,
): Promise<void> {
  const requests = await requestsFor(database, full);
  const taken = new Map(requests.map(({ name }) => [name, { full: [] as number[], empty: [] as number[] }]));
  let before = await scans(database);
  for (let round = -WARM_UP_ROUNDS; round < sizes.rounds; round++) {
    if (round === 0) before = await scans(database);
    const next = sleep(LOOK_MS);
    for (const request of requests) {
      const ofEmpty = await empty.get(request.empty);
      const ofFull = await full.get(request.full);
      if (ofFull.status !== 200)
        throw new Error(`${request.full} was answered ${ofFull.status}: ${JSON.stringify(ofFull.json)}`);
      if (round < 0) continue;
      taken.get(request.name)?.empty.push(ofEmpty.ms);
      taken.get(request.name)?.full.push(ofFull.ms);
    }
    await next;
  }
  const after = await scans(database);
  for (const { name, most } of requests) {
    const ms = taken.get(name) ?? { full: [], empty: [] };
    const key = `size-${name.replaceAll('/', '-').replaceAll(/[{}]/g, '')}`;
    report.figure(`${key}-ms`, median(ms.full));
    report.figure(`${key}-ms-empty`, median(ms.empty));
    const ratio = medianRatio(ms.full, ms.empty);
    if (most === undefined) report.atMost(`${key}-ms-at-most`, median(ms.full), PART_MS);
    else report.atMost(`${key}-against-empty`, ratio, sizes.full ? most : most * SLACK_OF_SMALL);
  }
  for (const [table, scanned] of after) {
    report.exactly(`size-sequential-scans-of-${table}`, scanned - (before.get(table) ?? 0), 0);
  }
}

/** All routes that read; of those with pages the first one and a deep one. */
async function requestsFor(database: ProofDatabase, full: AdminApi): Promise<Request[]> {
  const [things] = await database.query<Things>(SAMPLES_OF_THINGS);
  if (things === undefined) throw new Error('the database is empty');
  const routes = await readRoutes({
    name: 'consumer-001',
    consumer: 'consumer-001',
    'events/id': things.event,
    // Only what has failed has attempts that can be compared.
    'events/{id}/compared/id': things.dead,
    'events/{id}/rehearsal/id': things.dead,
    first: '1',
    second: '1',
    'operations/id': things.operation,
    fingerprint: things.fingerprint,
    type: 'thing',
    'entities/id': 'hot',
    module: 'module-1',
    key: 'maxAttempts',
    step: '60',
    from: new Date(Date.now() - 3_600_000).toISOString(),
    since: new Date(Date.now() - 3_600_000).toISOString(),
  });
  const requests: Request[] = [];
  for (const route of routes) {
    const { name, path, isList } = route;
    const most = ON_THE_OVERVIEW.includes(name) ? MOST_AGAINST_EMPTY.overview : MOST_AGAINST_EMPTY.page;
    requests.push({
      name,
      most: LOOKS_AT_PART.includes(name) ? undefined : most,
      full: path,
      empty: path,
    });
    for (const { name: filter, query, looksAtPart } of filtersOf(route, things)) {
      const filtered = Object.entries(query).reduce(
        (base, [field, value]) => withParameter(base, field, value),
        path,
      );
      requests.push({
        name: `${name}/by-${filter}`,
        most: looksAtPart === true ? undefined : most,
        full: filtered,
        empty: filtered,
      });
    }
    if (!isList) continue;
    const deep = await deepPage(full, route);
    if (deep !== undefined)
      requests.push({ name: `${name}/deep`, most: MOST_AGAINST_EMPTY.page, full: deep, empty: path });
  }
  return requests;
}

async function deepPage(api: AdminApi, { path }: ReadRoute): Promise<string | undefined> {
  let deep: string | undefined;
  for (let page = 0; page < PAGES_BEFORE; page++) {
    const large = withParameter(deep ?? path, 'limit', LARGEST_PAGE);
    const { next } = await api.must<{ next: string | null }>('GET', large);
    if (next === null) break;
    deep = withParameter(path, 'after', next);
  }
  if (deep !== undefined) return deep;
  // Fewer than a thousand rows: behind the first page of the usual size.
  const { next } = await api.must<{ next: string | null }>('GET', path);
  return next === null ? undefined : withParameter(path, 'after', next);
}

async function scans(database: ProofDatabase): Promise<Map<string, number>> {
  // Sessions tell what they have read once they are idle for a moment.
  await sleep(1_500);
  await database.query(FLUSH_STATISTICS);
  const rows = await database.query<{ name: string; scans: number }>(SCANS);
  return new Map(rows.map(({ name, scans }) => [name, scans]));
}

/** Pages of any size show each dead letter once, although each position has two of them. */
async function walk({ database, report }: OpsStage, api: AdminApi): Promise<void> {
  const [counted] = await database.query<{ rows: number }>(DEAD_LETTERS_COUNTED);
  const seen = new Set<string>();
  let shown = 0;
  let after: string | null = null;
  do {
    const path: string = withParameter('/dead-letters', 'limit', 777);
    const page: { items: { outboxEventId: string; consumerName: string }[]; next: string | null } =
      await api.must('GET', after === null ? path : withParameter(path, 'after', after));
    for (const { outboxEventId, consumerName } of page.items) seen.add(`${consumerName} ${outboxEventId}`);
    shown += page.items.length;
    after = page.next;
  } while (after !== null);
  report.exactly('size-dead-letters-lost-between-pages', (counted?.rows ?? 0) - seen.size, 0);
  report.exactly('size-dead-letters-shown-twice', shown - seen.size, 0);
}
