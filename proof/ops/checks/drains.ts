import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, medianRatio } from '../../harness/median.js';
import type { ProofDatabase } from '../../harness/proof-server.js';
import { AdminApi, Watchers } from '../admin-api.js';
import { CHECKPOINT, FORGET_CONSUMERS, INSERT_BACKLOG } from '../ops-database.store.js';
import type { ApplicationSetup, DrainedResult } from '../processes/application-protocol.js';
import type { OpsCheck, OpsStage } from './ops-check.js';

const CONSUMER = { name: 'billing', eventNames: ['thing.*'], kind: 'counts' as const, concurrency: 50 };
/** Share of the events before the clock runs: until its code is compiled, a process is slow. */
const UNCOUNTED = 0.25;
const WATCHERS = 20;
const SAMPLED = 0.01;

interface Drain {
  readonly name: string;
  readonly setup: Pick<ApplicationSetup, 'telemetry' | 'sampled' | 'admin' | 'keepsDurations'>;
  readonly watchers?: number;
  /** The program of an earlier version of the package. */
  readonly program?: string;
  /**
   * Share of the drain without telemetry that it has to reach. The ways that are the SDK's alone have none: the SDK takes more than the
   * goal leaves, so the package has a way of its own beside each (docs/decisions/0064).
   */
  readonly least?: number;
}

const PLAIN = 'plain';
const BEFORE = 'before';
const DRAINS: readonly Drain[] = [
  { name: PLAIN, setup: {} },
  { name: 'telemetry-off', setup: { telemetry: { spans: false, metrics: false } }, least: 0.97 },
  { name: 'metrics', setup: { telemetry: { metrics: true }, sampled: SAMPLED } },
  {
    name: 'metrics-kept',
    setup: { telemetry: { metrics: true }, sampled: SAMPLED, keepsDurations: true },
    least: 0.93,
  },
  { name: 'one-per-cent-of-spans', setup: { telemetry: { spans: true }, sampled: SAMPLED } },
  {
    name: 'one-per-cent-of-spans-by-ratio',
    setup: { telemetry: { spans: true, handlerSpanRatio: SAMPLED }, sampled: 1 },
    least: 0.88,
  },
  { name: 'watched-by-20', setup: { admin: true }, watchers: WATCHERS, least: 0.95 },
];

/** A backlog is drained in turn by processes of every kind, each round by new ones. */
export const drains: OpsCheck = {
  name: 'drains',
  shows: 'drain with telemetry off 97 %, metrics 93 %, 1 % of spans 88 %; watched by 20 95 %',
  run: async (stage) => {
    const { database, report, sizes } = stage;
    await database.query(INSERT_BACKLOG, [sizes.drained]);
    const drains =
      sizes.before === undefined
        ? DRAINS
        : [...DRAINS, { name: BEFORE, setup: {}, program: await programOf(sizes.before) }];
    const results = new Map<string, DrainedResult[]>(drains.map(({ name }) => [name, []]));
    for (let round = 0; round < sizes.drainRounds; round++) {
      // Each has every place of the order as often as the others.
      const turn = [...drains.slice(round % drains.length), ...drains.slice(0, round % drains.length)];
      for (const drain of turn) results.get(drain.name)?.push(await drained(stage, database, drain));
    }
    report.figure('drains-events', sizes.drained);
    report.figure('drains-rounds', sizes.drainRounds);
    report.detail('drains', Object.fromEntries(results));
    for (const drain of drains) tell(stage, drain, results);
    if (!sizes.full)
      report.exactly('drains-ended', [...results.values()].flat().length, drains.length * sizes.drainRounds);
  },
};

/** A drain is compared with the same version without telemetry, and with an earlier version if there is one. */
function tell(
  { report, sizes }: OpsStage,
  { name, least }: Drain,
  results: ReadonlyMap<string, readonly DrainedResult[]>,
): void {
  const own = results.get(name) ?? [];
  const rates = (of: readonly DrainedResult[]) => of.map(({ eventsASecond }) => eventsASecond);
  const costs = (of: readonly DrainedResult[]) => of.map(({ processorUs }) => processorUs);
  report.figure(`drains-events-a-second-${name}`, median(rates(own)));
  report.figure(`drains-processor-us-an-event-${name}`, median(costs(own)));
  for (const other of [PLAIN, BEFORE]) {
    const rounds = results.get(other);
    if (rounds === undefined || other === name) continue;
    report.figure(`drains-processor-of-${other}-to-${name}`, medianRatio(costs(rounds), costs(own)));
    const share = medianRatio(rates(own), rates(rounds));
    if (sizes.full && least !== undefined) report.atLeast(`drains-share-${name}-of-${other}`, share, least);
    else report.figure(`drains-share-${name}-of-${other}`, share);
  }
}

/** This program beside an earlier version of the package, which it then imports. */
async function programOf(folder: string): Promise<string> {
  const own = fileURLToPath(new URL('../..', import.meta.url));
  const place = join(resolve(folder), 'proof', 'dist');
  await cp(own, place, { recursive: true });
  return join(place, 'ops', 'processes', 'application.js');
}

async function drained(
  { processes, sizes }: OpsStage,
  database: ProofDatabase,
  { setup, watchers, program }: Drain,
): Promise<DrainedResult> {
  await database.query(FORGET_CONSUMERS);
  await database.query(CHECKPOINT);
  const application = processes.application(
    { admin: false, ...setup, databaseUrl: database.url, role: 'all', consumers: [CONSUMER] },
    program === undefined ? {} : { program },
  );
  await application.ready();
  const watching =
    watchers === undefined ? undefined : await Watchers.open(await AdminApi.of(application), watchers);
  const result = await application.ask<DrainedResult>({
    kind: 'drained',
    events: sizes.drained,
    uncounted: Math.floor(sizes.drained * UNCOUNTED),
  });
  await watching?.leave();
  await application.close();
  return result;
}
