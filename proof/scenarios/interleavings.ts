import fc from 'fast-check';
import { monotonicMs } from '../harness/clock.js';
import { type Command, sequences } from '../interleavings/commands.js';
import { withoutWaitingForDisk } from '../interleavings/interleavings.store.js';
import type { Effect } from '../interleavings/judgement.js';
import { ProcessUnderTest } from '../interleavings/process-under-test.js';
import { type Cast, World } from '../interleavings/world.js';
import { Writers } from '../interleavings/writers.js';
import type { Scenario } from './scenario.js';

const LONG_SEQUENCES = 2_000;
/** The short form plays as many as there is time for. */
const SHORT_MS = 20_000;
const SHORT_SEQUENCES = 20;
/** A failure is made shorter for so long. */
const SHRINKS_FOR_MS = 20_000;

/** How often a command was performed, and how long it took in all. */
interface Performed {
  count: number;
  ms: number;
}

/** Random sequences of everything that can happen, against a model of what must come of it. */
export const interleavings: Scenario = {
  name: 'interleavings',
  shows: 'random publishing, late commits, crashes, takeovers and all that admins do: as the model says',
  run: async ({ server, database, report, seed, sizes }) => {
    await server.admin(withoutWaitingForDisk(database.name));
    const runs: Effect[] = [];
    const onHandled = (consumer: Effect['consumer'], position: number) => runs.push({ consumer, position });
    const cast: Cast = {
      database,
      processes: [
        await ProcessUnderTest.start(database.url, onHandled),
        await ProcessUnderTest.start(database.url, onHandled),
      ],
      writers: new Writers(database.url),
      runs,
    };
    const wanted = sizes.events ?? (sizes.long ? LONG_SEQUENCES : undefined);
    const performed = new Map<string, Performed>();
    let [played, handlerRuns] = [0, 0];
    let deadline = monotonicMs() + (wanted === undefined ? SHORT_MS : Number.POSITIVE_INFINITY);
    let hasFailed = false;
    const timed = async <R>(what: string, work: () => Promise<R>): Promise<R> => {
      const startedAt = monotonicMs();
      const result = await work();
      const { count, ms } = performed.get(what) ?? { count: 0, ms: 0 };
      performed.set(what, { count: count + 1, ms: ms + monotonicMs() - startedAt });
      return result;
    };
    const play = async (commands: readonly Command[]) => {
      // What there is no time for counts as passed: the checking, or the shortening, comes to its end.
      if (monotonicMs() > deadline) return;
      const world = await timed('begin', () => World.begin(cast));
      try {
        for (const command of commands) await timed(command.kind, () => world.perform(command));
        const problems = await timed('finish', () => world.finish());
        handlerRuns += runs.length;
        if (problems.length > 0) throw new Error(problems.join('; '));
        played++;
      } catch (error) {
        if (!hasFailed) deadline = monotonicMs() + SHRINKS_FOR_MS;
        hasFailed = true;
        throw error;
      } finally {
        await world.abandon();
      }
    };
    try {
      const details = await fc.check(fc.asyncProperty(sequences, play), {
        numRuns: wanted ?? LONG_SEQUENCES,
        seed,
        endOnFailure: false,
      });
      if (wanted === undefined) report.atLeast('interleavings-sequences-checked', played, SHORT_SEQUENCES);
      else report.exactly('interleavings-sequences-checked', played, wanted);
      report.exactly('interleavings-violations', details.failed ? 1 : 0, 0);
      report.figure('interleavings-handler-runs', handlerRuns);
      report.detail(
        'interleavings-commands',
        Object.fromEntries([...performed].map(([kind, { count }]) => [kind, count])),
      );
      report.detail(
        'interleavings-mean-ms',
        Object.fromEntries(
          [...performed].map(([kind, { count, ms }]) => [kind, Number((ms / count).toFixed(1))]),
        ),
      );
      if (details.failed)
        report.figure(
          'interleavings-counterexample',
          `${fc.defaultReportMessage(details)}\n${details.errorInstance}`,
        );
    } finally {
      for (const process of cast.processes) await process.close();
      await cast.writers.close();
    }
  },
};
