import type { ProofProcess } from '../../harness/child-process.js';
import { TOKENS } from '../../harness/proof-database.store.js';
import type { ProofDatabase } from '../../harness/proof-server.js';
import { unsettled } from '../../harness/settled.js';
import { sleep, until } from '../../harness/wait.js';
import {
  COUNT_STATEMENTS,
  FORGET_STATEMENTS,
  LONG_ATTEMPTS,
  REPORTS,
  STATEMENTS,
} from '../ops-database.store.js';
import type { OpsEvent } from '../processes/application-protocol.js';
import type { OpsCheck, OpsStage } from './ops-check.js';

const CONSUMERS = 100;
/** Consumers of one name of events begin together; the names come one after the other, so that attempts end at any time. */
const NAMES = 10;
const LONG_MS = 3_000;
/** Too short for a report, which names what has run for two seconds. */
const SHORT_MS = 1_500;
/** Events beyond those of the time that is counted, so that no handler is out of work in it. */
const EVENTS_MORE = 12;
/** Two processes share the consumers. Half of them each, so that no more are handed over. */
const LEAST_SHARE = 0.5;

interface Lease {
  readonly consumer: string;
  readonly token: string | null;
  readonly owner: string | null;
}

/** What a hundred handlers that take three seconds cost in statements, and whether a lease is lost over it. */
export const longAttempts: OpsCheck = {
  name: 'long-attempts',
  shows: '100 handlers of 3 s: no lease is lost by the reports, at most one report a second a process',
  run: async (stage) => {
    // Until two processes have shared the consumers, a busy machine takes minutes.
    for (const processes of stage.sizes.full ? [1, 2] : [1]) {
      await withHandlersOf(stage, SHORT_MS, processes);
      await withHandlersOf(stage, LONG_MS, processes);
    }
  },
};

async function withHandlersOf(stage: OpsStage, takesMs: number, processes: number): Promise<void> {
  const { server, report, sizes } = stage;
  const isLong = takesMs === LONG_MS;
  const key = `long-attempts-${isLong ? 'of-3-s' : 'of-1.5-s'}-in-${processes}`;
  const database = await server.createDatabase(`long_attempts_${takesMs}_${processes}`);
  try {
    await database.query(COUNT_STATEMENTS);
    const applications = await startSharing(stage, database, takesMs, processes);
    await publishInTurn(applications[0], Math.ceil((sizes.countedSeconds * 1_000) / takesMs) + EVENTS_MORE);
    // As long as the longest handlers: from then on attempts end as often as they begin.
    await sleep(LONG_MS);
    const before = await leasesOf(database);
    const left = await unsettled(database);
    await database.query(FORGET_STATEMENTS);
    const most = await mostLongAttemptsWithin(database, sizes.countedSeconds);
    const [counted] = await database.query<{ statements: number }>(STATEMENTS);
    const [reported] = await database.query<{ reports: number }>(REPORTS);
    const settled = left - (await unsettled(database));
    const lost = changed(before, await leasesOf(database));
    if (counted === undefined || reported === undefined) throw new Error('the statements were not counted');

    // Without the looks of this check.
    report.figure(`${key}-statements-a-second`, counted.statements / sizes.countedSeconds - 1);
    report.figure(`${key}-reports-a-second`, reported.reports / sizes.countedSeconds);
    // Or nothing was counted.
    report.atLeast(`${key}-positions-settled`, settled, CONSUMERS);
    report.exactly(`${key}-leases-lost`, lost + linesOfLosses(applications), 0);
    if (isLong) {
      report.atLeast(`${key}-attempts-seen-at-once`, most, 1);
      report.atLeast(`${key}-reports`, reported.reports, 1);
      // A look more falls into the time than its length says.
      report.atMost(`${key}-reports-of-a-process`, reported.reports / processes, sizes.countedSeconds + 1);
    } else {
      report.exactly(`${key}-reports`, reported.reports, 0);
    }
    await Promise.all(applications.map((application) => application.kill()));
  } finally {
    await database.drop();
  }
}

/** Starts the processes, and waits until each has its share of the consumers. */
async function startSharing(
  { processes }: OpsStage,
  database: ProofDatabase,
  takesMs: number,
  count: number,
): Promise<ProofProcess[]> {
  const consumers = Array.from({ length: CONSUMERS }, (_, index) => ({
    name: `consumer-${index}`,
    eventNames: [`thing.${index % NAMES}`],
    kind: 'counts' as const,
    takesMs,
    concurrency: 1,
  }));
  const setup = { databaseUrl: database.url, role: 'all' as const, admin: false, consumers };
  const started = Array.from({ length: count }, () => processes.application(setup));
  await Promise.all(started.map((application) => application.ready()));
  await until('each process has its share of the consumers', async () => {
    const leases = await leasesOf(database);
    const owners = new Map<string | null, number>();
    for (const { owner } of leases) owners.set(owner, (owners.get(owner) ?? 0) + 1);
    return (
      !owners.has(null) && owners.size === count && Math.min(...owners.values()) >= CONSUMERS * LEAST_SHARE
    );
  });
  return started;
}

/** So many events of each name. The first ones come one after the other within the time of the longest handler. */
async function publishInTurn(application: ProofProcess | undefined, eventsOfName: number): Promise<void> {
  const publish = (events: readonly OpsEvent[]) => application?.ask({ kind: 'publish-events', events });
  const names = Array.from({ length: NAMES }, (_, index) => `thing.${index}`);
  for (const eventName of names) {
    await publish([{ eventName, aggregate: `${eventName} first` }]);
    await sleep(LONG_MS / NAMES);
  }
  const rest = Array.from({ length: eventsOfName }, (_, n) => n);
  await publish(
    rest.flatMap((n) => names.map((eventName) => ({ eventName, aggregate: `${eventName} ${n}` }))),
  );
}

/** The most long attempts that the processes told of, looked at each second. */
async function mostLongAttemptsWithin(database: ProofDatabase, seconds: number): Promise<number> {
  let most = 0;
  for (let second = 0; second < seconds; second++) {
    await sleep(1_000);
    const [seen] = await database.query<{ attempts: number }>(LONG_ATTEMPTS);
    most = Math.max(most, seen?.attempts ?? 0);
  }
  return most;
}

function leasesOf(database: ProofDatabase): Promise<Lease[]> {
  return database.query<Lease>(TOKENS);
}

function changed(before: readonly Lease[], after: readonly Lease[]): number {
  const tokens = new Map(before.map(({ consumer, token }) => [consumer, token]));
  return after.filter(({ consumer, token }) => tokens.get(consumer) !== token).length;
}

/** What a process says when it has lost a lease. */
function linesOfLosses(applications: readonly ProofProcess[]): number {
  return applications.flatMap(({ log }) =>
    log.split('\n').filter((line) => /taken over|lease was lost/.test(line)),
  ).length;
}
