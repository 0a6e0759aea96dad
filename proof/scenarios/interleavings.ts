import fc from 'fast-check';
import { monotonicMs } from '../harness/clock.js';
import { withoutWaitingForDisk } from '../interleavings/interleavings.store.js';
import { Lane, type Performed } from '../interleavings/lane.js';
import type { Scenario } from './scenario.js';

const LONG_SEQUENCES = 2_000;
/** The short form plays as many as there is time for, and a few however busy the machine is. */
const SHORT_MS = 18_000;
const SHORT_SEQUENCES = 20;
/** Side by side, each with a database of its own: a sequence mostly waits. */
const LANES = 4;
const FAULT_POINTS = 5;
/** In so many sequences every fault point is met, or the crashes show nothing. */
const MEETS_ALL_POINTS = 200;

/** Random sequences of everything that can happen, against a model of what must come of it. */
export const interleavings: Scenario = {
  name: 'interleavings',
  shows: 'random publishing, late commits, crashes, takeovers and all that admins do: as the model says',
  run: async ({ server, database, report, seed, sizes }) => {
    const others = Array.from({ length: LANES - 1 }, (_, i) => `interleavings-${i + 1}`);
    const databases = [database, ...(await Promise.all(others.map((name) => server.createDatabase(name))))];
    const lanes: Lane[] = [];
    try {
      for (const { name } of databases) await server.admin(withoutWaitingForDisk(name));
      lanes.push(...(await Promise.all(databases.map((each) => Lane.open(each)))));
      const wanted = sizes.events ?? (sizes.long ? LONG_SEQUENCES : undefined);
      const deadline = wanted === undefined ? monotonicMs() + SHORT_MS : Number.POSITIVE_INFINITY;
      const shares = shared(wanted ?? LONG_SEQUENCES);
      const startedAt = monotonicMs();
      const results = await Promise.all(
        lanes.map((lane, i) =>
          lane.play(seed * LANES + i, { most: shares[i] ?? 0, least: SHORT_SEQUENCES / LANES, deadline }),
        ),
      );
      const seconds = (monotonicMs() - startedAt) / 1e3;
      const played = sum(lanes.map((lane) => lane.played));
      if (wanted === undefined) report.atLeast('interleavings-sequences-checked', played, SHORT_SEQUENCES);
      else report.exactly('interleavings-sequences-checked', played, wanted);
      const failures = results.filter(({ failed }) => failed);
      report.exactly('interleavings-violations', failures.length, 0);
      report.figure('interleavings-handler-runs', sum(lanes.map((lane) => lane.handlerRuns)));
      report.figure('interleavings-put-off', sum(lanes.map((lane) => lane.putOffs)));
      report.figure('interleavings-sequences-a-second', played / seconds);
      const crashes = new Map<string, number>();
      for (const [point, count] of lanes.flatMap((lane) => [...lane.crashes]))
        crashes.set(point, (crashes.get(point) ?? 0) + count);
      if (played >= MEETS_ALL_POINTS)
        report.exactly('interleavings-fault-points-reached', crashes.size, FAULT_POINTS);
      report.detail('interleavings-crashes', Object.fromEntries(crashes));
      report.detail(
        'interleavings-commands',
        byCommand(lanes, ({ count }) => count),
      );
      report.detail(
        'interleavings-mean-ms',
        byCommand(lanes, ({ count, ms }) => Number((ms / count).toFixed(1))),
      );
      for (const failure of failures) {
        const text = `${fc.defaultReportMessage(failure)}\n${failure.errorInstance}`;
        report.figure(`interleavings-counterexample-${failure.seed}`, text);
      }
    } finally {
      for (const lane of lanes) await lane.close();
      for (const other of databases.slice(1)) await other.drop();
    }
  },
};

/** So many sequences for each lane. */
function shared(total: number): number[] {
  return Array.from({ length: LANES }, (_, i) => Math.floor((total + i) / LANES));
}

function byCommand(lanes: readonly Lane[], show: (performed: Performed) => number): Record<string, number> {
  const total = new Map<string, Performed>();
  for (const [kind, { count, ms }] of lanes.flatMap((lane) => [...lane.performed])) {
    const before = total.get(kind) ?? { count: 0, ms: 0 };
    total.set(kind, { count: before.count + count, ms: before.ms + ms });
  }
  return Object.fromEntries([...total].map(([kind, performed]) => [kind, show(performed)]));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
