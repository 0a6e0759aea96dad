import { consumersOfEveryKind, type ProofProcess } from '../harness/child-process.js';
import { monotonicMs } from '../harness/clock.js';
import { judge, readEvents } from '../harness/evidence.js';
import { type Run, readRuns } from '../harness/journal.js';
import { unreadOf, unsettled, untilLeased, untilSettled } from '../harness/settled.js';
import { sleep } from '../harness/wait.js';
import type { Scenario, Stage } from './scenario.js';

const WORKERS = 4;
const EVERY_MS = 5_000;
/** Saves come twenty times later than usual, so that every kill finds much that is done and not saved. */
const FLUSH_MS = 200;
/** Nobody takes over sooner after a kill: two looks, two seconds apart. */
const TAKEOVER_MS = 2_000;
/** Something is not getting on at all. */
const LONGEST_SHORT_MS = 240_000;
const LONGEST_LONG_MS = 2_400_000;
const CONSUMERS = consumersOfEveryKind({ partitions: 4 });

/** Workers killed one after another under load. */
export const kill: Scenario = {
  name: 'kill',
  shows: 'one of four workers killed every 5 s: nothing lost, effects once, order kept',
  run: async (stage) => {
    const { database, processes, report, sizes } = stage;
    const events = sizes.events ?? (sizes.long ? 100_000 : 6_000);
    const settings = { flushIntervalMs: FLUSH_MS };
    const setup = { databaseUrl: database.url, consumers: CONSUMERS, workMs: 20, settings };
    const workers = Array.from({ length: WORKERS }, () => processes.worker(setup));
    const publisher = processes.publisher({ databaseUrl: database.url, seed: stage.seed });
    await Promise.all([...workers, publisher].map((one) => one.ready()));
    await untilLeased(database);
    const startedAt = performance.now();
    await publisher.ask({ kind: 'run', events, rate: sizes.rate ?? 500 });
    let published = false;
    const finishing = publisher.ask({ kind: 'finished' }).then(() => {
      published = true;
    });
    let kills = 0;
    let inFlight = 0;
    while (!published || (await unsettled(database)) > 0) {
      if (performance.now() - startedAt > (sizes.long ? LONGEST_LONG_MS : LONGEST_SHORT_MS))
        throw new Error(`${await unsettled(database)} deliveries are left after ${kills} kills`);
      await sleep(EVERY_MS);
      if (published && (await unsettled(database)) === 0) break;
      const index = stage.random.int(WORKERS);
      const victim = workers[index];
      if (victim === undefined) continue;
      const killedAt = monotonicMs();
      await victim.kill();
      kills++;
      inFlight += await unsavedOf(stage, victim, killedAt);
      workers[index] = processes.worker(setup);
    }
    await finishing;
    await untilSettled(database, 60_000);
    const seconds = (performance.now() - startedAt) / 1e3;
    await processes.closeAll();

    report.figure('kill-events', events);
    report.figure('kill-kills', kills);
    report.figure('kill-events-per-second-and-consumer', events / seconds);
    await reportVerdicts(stage, inFlight);
    report.exactly('kill-processes-ended-by-themselves', processes.deaths.length, 0);
  },
};

/**
 * What a killed worker had begun for the plain consumer and not saved: so much may run again, and no more. Where the answer took so
 * long that the next owner may have been at work, what others have begun since was not saved either.
 */
async function unsavedOf(
  { database, folder }: Stage,
  victim: ProofProcess,
  killedAt: number,
): Promise<number> {
  const begun = positionsOf(readRuns(folder, victim.name));
  const unsaved = new Set(await unreadOf(database, 'plain', [...begun]));
  if (monotonicMs() - killedAt > TAKEOVER_MS) {
    const since = positionsOf(readRuns(folder).filter(({ startedAt }) => startedAt > killedAt));
    for (const position of since) if (begun.has(position)) unsaved.add(position);
  }
  return unsaved.size;
}

function positionsOf(runs: readonly Run[]): Set<number> {
  return new Set(runs.filter((run) => run.consumer === 'plain').map((run) => run.position));
}

async function reportVerdicts({ database, folder, report }: Stage, inFlight: number): Promise<void> {
  const events = await readEvents(database);
  for (const consumer of CONSUMERS) {
    const verdict = await judge(database, folder, consumer, events);
    report.exactly(`kill-lost-${consumer.name}`, verdict.lost, 0);
    report.exactly(`kill-order-violations-${consumer.name}`, verdict.orderViolations, 0);
    if (consumer.kind === 'plain') report.atMost('kill-duplicates-plain', verdict.duplicates, inFlight);
    else report.exactly(`kill-duplicate-effects-${consumer.name}`, verdict.duplicates, 0);
    report.detail(`kill-${consumer.name}`, verdict);
  }
}
