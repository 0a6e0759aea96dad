import fc from 'fast-check';
import { type Command, sequences } from '../interleavings/commands.js';
import { ProcessUnderTest } from '../interleavings/process-under-test.js';
import { World } from '../interleavings/world.js';
import type { Scenario } from './scenario.js';

/** Random sequences of everything that can happen, against a model of what must come of it. */
export const interleavings: Scenario = {
  name: 'interleavings',
  shows: 'random publishing, late commits, crashes, takeovers, pauses, replays, redrives: as the model says',
  run: async ({ database, report, seed, sizes }) => {
    const handled: string[] = [];
    const onHandled = (consumer: string, position: number) => handled.push(`${consumer} ${position}`);
    const processes = [
      await ProcessUnderTest.start(database.url, onHandled),
      await ProcessUnderTest.start(database.url, onHandled),
    ];
    const numRuns = sizes.events ?? (sizes.long ? 2_000 : 20);
    let runs = 0;
    const performed: Record<string, number> = {};
    const play = async (commands: readonly Command[]) => {
      const world = await World.begin(database, processes, handled);
      try {
        for (const command of commands) {
          performed[command.kind] = (performed[command.kind] ?? 0) + 1;
          await world.perform(command);
        }
        const problems = await world.finish();
        runs += handled.length;
        if (problems.length > 0) throw new Error(problems.join('; '));
      } finally {
        await world.abandon();
      }
    };
    try {
      const details = await fc.check(fc.asyncProperty(sequences, play), {
        numRuns,
        seed,
        endOnFailure: false,
      });
      report.exactly('interleavings-sequences-checked', details.numRuns, numRuns);
      report.exactly('interleavings-violations', details.failed ? 1 : 0, 0);
      report.figure('interleavings-handler-runs', runs);
      report.detail('interleavings-commands', performed);
      if (details.failed)
        report.figure('interleavings-counterexample', fc.defaultReportMessage(details) ?? '');
    } finally {
      for (const process of processes) await process.close();
    }
  },
};
