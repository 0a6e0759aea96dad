import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProcessGroup } from '../harness/child-process.js';
import { Random } from '../harness/random.js';
import type { Scenario, Stage } from './scenario.js';

/** What the scenarios of a run share. */
type Run<S> = Pick<Stage<S>, 'server' | 'report' | 'seed' | 'folder' | 'sizes'>;

/** Plays one scenario in a database and a folder of its own. What it leaves behind is ended, however it comes out. */
export async function play<S>(scenario: Scenario<S>, run: Run<S>): Promise<void> {
  console.log(`\n== ${scenario.name}: ${scenario.shows}`);
  const from = performance.now();
  const folder = join(run.folder, scenario.name);
  await mkdir(folder, { recursive: true });
  const processes = new ProcessGroup(folder);
  try {
    const database = await run.server.createDatabase(scenario.name);
    try {
      await scenario.run({ ...run, database, processes, folder, random: new Random(run.seed) });
    } finally {
      await processes.killAll();
      await database.drop();
    }
  } catch (error) {
    run.report.brokeOff(scenario.name, error);
  }
  const seconds = Math.round((performance.now() - from) / 1e3);
  run.report.detail(`${scenario.name}-seconds`, seconds);
  console.log(`  (${scenario.name}: ${seconds} s)`);
}
