import { done, line, ProgressBar, style } from './screen.js';
import type { Answer, SendResult } from './sender.js';
import type { Stage } from './stage.js';
import { unlessStopped } from './waiting.js';
import type { Kill } from './workers.js';

/** What was done to the application. */
export interface Performance extends SendResult {
  sendMs: number;
  /** What came back when the first delivery was sent a second time. */
  redelivery: Answer;
  /** What came back when its body was sent with another byte in it. */
  forgery: Answer;
  /** With worker processes only. */
  kill: Kill | undefined;
}

/** Sends every delivery, and the first one twice. With workers, kills one when a third of the set is through. */
export async function play(stage: Stage): Promise<Performance> {
  const { sender, deliveries, signal, options } = stage;
  const begin = performance.now();
  let kill: Promise<Kill> | undefined;
  const bar = new ProgressBar('Sending deliveries', deliveries.length);
  const result = await sender.sendAll(deliveries, (answered) => {
    bar.show(answered);
    if (options.processes > 0 && answered > deliveries.length / 3) kill ??= killAndReplace(stage);
  });
  bar.clear();
  const sendMs = performance.now() - begin;
  const perSecond = Math.round((deliveries.length / sendMs) * 1000);
  done(`${result.accepted} of ${deliveries.length} deliveries accepted, ${perSecond} a second`, sendMs);
  for (const refused of result.refused.slice(0, 3)) line(`  ${style('red', refused)}`);

  const [first] = deliveries;
  const redelivery = first ? await sender.send(first) : NOTHING;
  const forgery = first ? await sender.send(first, { changed: true }) : NOTHING;
  const killed = kill && (await unlessStopped(kill, signal));
  if (killed) {
    done(`Worker ${killed.pid} killed while "${killed.consumerName}" was at work, and replaced`);
  }
  return { ...result, sendMs, redelivery, forgery, kill: killed };
}

const NOTHING: Answer = { status: 0, text: '' };

function killAndReplace({ workers }: Stage): Promise<Kill> {
  const killing = workers.killOneAtWork().then(async (kill) => {
    await workers.start(1);
    return kill;
  });
  // Awaited once everything is sent; until then a failure is not unhandled, only early.
  killing.catch(() => {});
  return killing;
}
