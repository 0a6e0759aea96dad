import { OutboxProcessor, type OutboxStats } from 'nestjs-integration';
import { SchedulesService } from 'nestjs-integration/schedules';
import { SUMMARY } from '../statistics/summary.service.js';
import { done, failed, ProgressBar } from './screen.js';
import { consumersAtWork, type Stage } from './stage.js';
import { waitUntil } from './waiting.js';

/** How long the consumers may take for one set of deliveries. */
const WITHIN_MS = 90_000;
const AUTHOR = { by: 'the demo', reason: 'everything is summarized' };

/**
 * Waits until every event is processed or dead, everything counted is summarized, every webhook is delivered, and the cursors
 * have swept their holes. False if that takes too long.
 */
export async function drained(stage: Stage): Promise<boolean> {
  const { app, ledger, destinations, options, signal } = stage;
  const begin = performance.now();
  const processor = app.get(OutboxProcessor, { strict: false });
  const withinMs = WITHIN_MS * options.repeat;
  const destinationIds = destinations.map(({ id }) => id);
  const schedules = app.get(SchedulesService, { strict: false });
  await schedules.resume(SUMMARY, AUTHOR);
  let left = { events: 0, counts: 0, webhooks: 0, holes: 0 };
  let wasNothingLeft = false;
  let bar: ProgressBar | undefined;

  const look = async () => {
    // In this order: a summary is an event itself, and is there once nothing is left to be summarized.
    const counts = await ledger.notSummarized();
    const { consumers } = await processor.getStats();
    const { total, events } = sumOver(consumers);
    // Each summary that is due is an event, and the log would never be at rest.
    if (events === 0 && counts === 0) await schedules.pause(SUMMARY, AUTHOR);
    left = {
      events,
      counts,
      webhooks: await ledger.undelivered(destinationIds),
      holes: await ledger.holes(),
    };
    bar ??= new ProgressBar('Handling events   ', total);
    bar.show(total - events, total);
    const isNothingLeft =
      consumers.length >= consumersAtWork(stage) && Object.values(left).every((number) => number === 0);
    // The last attempt at a destination may have published that it has recovered, after events were counted above.
    const isDone = isNothingLeft && wasNothingLeft;
    wasNothingLeft = isNothingLeft;
    return isDone;
  };
  const complete = await waitUntil(look, { everyMs: 250, withinMs, signal }).finally(() => bar?.clear());
  if (options.serve) await schedules.resume(SUMMARY, AUTHOR);
  if (complete) {
    done('Every event is processed or dead, and every webhook is delivered', performance.now() - begin);
  } else {
    const { events, counts, webhooks, holes } = left;
    failed(
      `Not drained after ${withinMs / 1000} s: ${events} events not settled, ${counts} not summarized, ${webhooks} webhooks not delivered, ${holes} ranges of a cursor open`,
    );
  }
  return complete;
}

/** Events over all consumers, and how many of them are neither processed nor dead. */
function sumOver(consumers: OutboxStats['consumers']): { total: number; events: number } {
  const sums = { total: 0, events: 0 };
  for (const { total, pending, processing, failed } of consumers) {
    sums.total += total;
    sums.events += pending + processing + failed;
  }
  return sums;
}
