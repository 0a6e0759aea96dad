import { checkRun } from './checks-of-a-run.js';
import { Closing } from './closing.js';
import { redriveOne } from './dead-letter.js';
import { drained } from './drain.js';
import { writeFigures } from './figures.js';
import type { DemoOptions } from './options.js';
import { playOrders } from './orders/play-orders.js';
import { play } from './play.js';
import { consumersOf, printConsumers, printDestinations, printKill } from './report.js';
import { resumeOne } from './resume.js';
import { done, failed, line, seconds } from './screen.js';
import { type Stage, setStage } from './stage.js';

/** Runs the demo and clears up after it; true if everything that must hold held. */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<boolean> {
  const closing = new Closing();
  try {
    const startedAt = new Date();
    const stage = await setStage(options, signal, closing);
    return await run(stage, startedAt);
  } finally {
    await closing.close();
  }
}

async function run(stage: Stage, startedAt: Date): Promise<boolean> {
  const performed = await play(stage);
  const complete = await drained(stage);

  const consumers = await consumersOf(stage);
  printConsumers(consumers);
  printKill(performed.kill);

  const redriven = complete ? await redriveOne(stage) : undefined;
  const resumed = complete ? await resumeOne(stage) : undefined;
  printDestinations(stage.destinations);

  const checks = await checkRun(stage, { ...performed, redriven, resumed });
  await playOrders(stage, checks);
  const elapsedMs = performance.now();
  checks.print();
  line();
  if (checks.ok) done(`All of it holds, after ${seconds(elapsedMs)}`);
  else failed(`Not all of it holds, after ${seconds(elapsedMs)}`);
  if (stage.options.json !== undefined) {
    await writeFigures(stage.options.json, await stage.ledger.serverVersion(), {
      startedAt,
      checks: checks.all,
      details: {
        options: stage.options,
        consumers,
        sendSeconds: performed.sendMs / 1000,
        elapsedSeconds: elapsedMs / 1000,
        refusedCalls: stage.receiver.refusedCalls,
        // Plain handlers run at least once: the receiver may have known a call already, and says so here.
        repeatedCalls: stage.receiver.repeatedCalls,
        ...(performed.kill && { kill: performed.kill }),
      },
    });
  }
  return checks.ok;
}
