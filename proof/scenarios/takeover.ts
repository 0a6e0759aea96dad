import { consumersOfEveryKind, type ProofProcess } from '../harness/child-process.js';
import { monotonicMs } from '../harness/clock.js';
import { judge, readEvents } from '../harness/evidence.js';
import { readRuns } from '../harness/journal.js';
import { untilLeased, untilSettled } from '../harness/settled.js';
import { sleep, until } from '../harness/wait.js';
import type { Scenario, Stage } from './scenario.js';

const WORKERS = 3;
const KILLS = 3;
const BOUND_S = 5;
/** Events a second: enough that some wait for every consumer at any moment. */
const RATE = 40;
/** A new worker must have been seen alive by the others before its end can be seen: two of their looks. */
const KNOWN_MS = 5_000;
const BETWEEN_BEATS_MS = 2_000;
/** Longer than a lease: then that has decided. */
const GIVES_UP_MS = 45_000;
const CONSUMERS = consumersOfEveryKind();

/** How soon somebody else goes on, at the settings as they are shipped. */
export const takeover: Scenario = {
  name: 'takeover',
  shows: 'workers killed at default settings: another one goes on with their consumers within 5 s',
  run: async (stage) => {
    const { database, processes, report, random } = stage;
    const setup = { databaseUrl: database.url, consumers: CONSUMERS };
    const workers = Array.from({ length: WORKERS }, () => processes.worker(setup));
    const publisher = processes.publisher({ databaseUrl: database.url, seed: stage.seed });
    await Promise.all([...workers, publisher].map((one) => one.ready()));
    await untilLeased(database);
    await publisher.ask({ kind: 'run', rate: RATE });

    const seconds: number[] = [];
    while (seconds.length < KILLS && seconds.every((each) => each <= BOUND_S)) {
      const haveOne = () => workers.every((worker) => ownedBy(stage, worker).length > 0);
      await until('every worker has a consumer', haveOne, { everyMs: 500 });
      await sleep(KNOWN_MS + random.int(BETWEEN_BEATS_MS));
      const victim = random.pick(workers);
      const owned = ownedBy(stage, victim);
      const killedAt = monotonicMs();
      await victim.kill();
      seconds.push((await lastToGoOn(stage, owned, victim, killedAt)) / 1e3);
      workers[workers.indexOf(victim)] = processes.worker(setup);
    }
    await publisher.ask({ kind: 'halt' });
    await untilSettled(database, 60_000);
    await processes.closeAll();

    report.figure('kill-seconds-to-next-owner-each', seconds.map((each) => each.toFixed(2)).join(', '));
    report.atMost('kill-seconds-to-next-owner', Math.max(...seconds), BOUND_S);
    const events = await readEvents(database);
    for (const consumer of CONSUMERS) {
      const { lost } = await judge(database, stage.folder, consumer, events);
      report.exactly(`takeover-lost-${consumer.name}`, lost, 0);
    }
  },
};

/** The consumers that this worker was the last to run. */
function ownedBy({ folder }: Stage, worker: ProofProcess): string[] {
  const last = new Map<string, { readonly process: string; readonly startedAt: number }>();
  for (const run of readRuns(folder))
    if (run.startedAt > (last.get(run.consumer)?.startedAt ?? 0)) last.set(run.consumer, run);
  return CONSUMERS.map(({ name }) => name).filter((name) => last.get(name)?.process === worker.name);
}

/** Milliseconds from the kill to the first handler of another worker, for the consumer that waited longest. */
function lastToGoOn(
  { folder }: Stage,
  consumers: readonly string[],
  victim: ProofProcess,
  killedAt: number,
): Promise<number> {
  const waited = () => {
    const later = readRuns(folder).filter((run) => run.process !== victim.name && run.startedAt > killedAt);
    return consumers.map((name) =>
      Math.min(...later.filter((run) => run.consumer === name).map(({ startedAt }) => startedAt - killedAt)),
    );
  };
  return until(
    'another worker goes on',
    () => {
      const longest = Math.max(...waited());
      return Number.isFinite(longest) && longest;
    },
    { everyMs: 250, withinMs: GIVES_UP_MS },
  );
}
