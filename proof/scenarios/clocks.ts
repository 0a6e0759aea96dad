import { consumersOfEveryKind } from '../harness/child-process.js';
import { judge, readEvents } from '../harness/evidence.js';
import { Flow } from '../harness/flow.js';
import { readRuns, readWrites } from '../harness/journal.js';
import { TOKENS } from '../harness/proof-database.store.js';
import { untilLeased, untilSettled } from '../harness/settled.js';
import { sleep } from '../harness/wait.js';
import type { PlannedEvent } from '../processes/protocol.js';
import type { Scenario, Stage } from './scenario.js';

const HOUR_MS = 3_600_000;
const LEASE_MS = 3_000;
const DELAY_MS = 2_000;
/** So much later than planned is right: what is due is looked for every two seconds. A busy machine's delays come on top. */
const LATE_MS = 3_000;
const CONSUMERS = consumersOfEveryKind({ partitions: 2 });

/** Nobody's clock but the database's and the monotonic ones is asked for anything that matters. */
export const clocks: Scenario = {
  name: 'clocks',
  shows: 'clocks of the processes an hour ahead and behind: no effect on leases, delays and retries',
  run: async (stage) => {
    const { database, processes, report, sizes } = stage;
    const settings = {
      processingLeaseMs: LEASE_MS,
      retryBaseDelayMs: 500,
      retryMaxDelayMs: 1_000,
      pollingIntervalMs: 500,
    };
    const setup = { databaseUrl: database.url, consumers: CONSUMERS, settings };
    processes.worker(setup, { shiftMs: HOUR_MS });
    processes.worker(setup, { shiftMs: -HOUR_MS });
    const ahead = processes.publisher({ databaseUrl: database.url, writers: 2 }, { shiftMs: HOUR_MS });
    const behind = processes.publisher({ databaseUrl: database.url, writers: 2 }, { shiftMs: -HOUR_MS });
    await Promise.all(processes.all.map((one) => one.ready()));
    await untilLeased(database);
    await untilSpread(stage);
    const tokens = await database.query(TOKENS);
    const publishers = [ahead, behind];
    const delayed = await Promise.all(
      publishers.map((one) =>
        one.ask<string[]>({ kind: 'publish', events: plan('delayed', { delayMs: DELAY_MS }) }),
      ),
    );
    const failing = await Promise.all(
      publishers.map((one) =>
        one.ask<string[]>({ kind: 'publish', events: plan('failing', { payload: { failures: 1 } }) }),
      ),
    );
    for (const one of publishers) await one.ask({ kind: 'run', rate: 15 });
    await sleep(sizes.long ? 60_000 : LEASE_MS * 3);
    for (const one of publishers) await one.ask({ kind: 'halt' });
    await untilSettled(database, 60_000);
    const after = await database.query(TOKENS);
    await processes.closeAll();

    report.exactly('clocks-leases-taken-over', differing(tokens, after), 0);
    reportTimes(stage, delayed.flat(), failing.flat());
    const events = await readEvents(database);
    for (const consumer of CONSUMERS) {
      const verdict = await judge(database, stage.folder, consumer, events);
      report.exactly(`clocks-lost-${consumer.name}`, verdict.lost, 0);
      // A failed attempt of a plain handler is no duplicate.
      const retried = consumer.kind === 'plain' ? failing.flat().length : 0;
      report.exactly(`clocks-duplicates-${consumer.name}`, verdict.duplicates - retried, 0);
    }
  },
};

/** Both workers have their part: nothing is handed over any more. */
async function untilSpread({ database }: Stage): Promise<void> {
  let last = '';
  for (let same = 0; same < 3; await sleep(1_500)) {
    const now = JSON.stringify(await database.query(TOKENS));
    same = now === last ? same + 1 : 0;
    last = now;
  }
}

function plan(aggregate: string, more: Partial<PlannedEvent>): PlannedEvent[] {
  return Array.from({ length: 5 }, (_, n) => ({
    aggregate: `${aggregate} ${n}`,
    eventName: 'thing.changed',
    ...more,
  }));
}

function differing(before: readonly unknown[], after: readonly unknown[]): number {
  const tokens = new Set(before.map((row) => JSON.stringify(row)));
  return after.filter((row) => !tokens.has(JSON.stringify(row))).length;
}

function reportTimes(stage: Stage, delayed: string[], failing: string[]): void {
  const { folder, report } = stage;
  const runs = readRuns(folder);
  const published = new Map(readWrites(folder).map(({ eventId, at }) => [eventId, at]));
  const waits = delayed.flatMap((id) =>
    runs.filter((run) => run.eventId === id).map((run) => run.startedAt - (published.get(id) ?? 0)),
  );
  const busyMs = slowest(stage, new Set([...delayed, ...failing]));
  // The delay counts from the insert, the journal from the commit's answer.
  report.atLeast('clocks-delayed-not-before-ms', Math.min(...waits), DELAY_MS - 500);
  report.atMost('clocks-delayed-not-after-ms', Math.max(...waits), DELAY_MS + LATE_MS + busyMs);
  const retries = failing.flatMap((id) =>
    CONSUMERS.map(({ name }) => {
      const starts = runs.filter((run) => run.eventId === id && run.consumer === name);
      return (starts[1]?.startedAt ?? Number.POSITIVE_INFINITY) - (starts[0]?.startedAt ?? 0);
    }),
  );
  report.atMost('clocks-retried-not-after-ms', Math.max(...retries), 1_000 + LATE_MS + busyMs);
}

/** What events that are neither delayed nor fail have taken at most in the same run. */
function slowest({ folder }: Stage, but: ReadonlySet<string>): number {
  const runs = readRuns(folder);
  const writes = readWrites(folder).filter(({ eventId }) => !but.has(eventId));
  const flows = CONSUMERS.map(({ name }) => new Flow(writes, runs, name));
  return Math.max(0, ...flows.map((flow) => flow.latencies(0, Number.POSITIVE_INFINITY).at(-1) ?? 0));
}
