import { OutboxProcessor, type OutboxStats } from 'nestjs-integration';
import { done, ProgressBar } from './screen.js';
import { CONSUMERS, type Stage } from './stage.js';
import { waitUntil } from './waiting.js';

/** How long the consumers may take for one set of deliveries. */
const WITHIN_MS = 90_000;

/** Waits until every event is processed or dead, everything counted is summarized, and the cursors have swept their holes. */
export async function drained({ app, ledger, options, signal }: Stage): Promise<void> {
  const begin = performance.now();
  const processor = app.get(OutboxProcessor, { strict: false });
  const withinMs = WITHIN_MS * options.repeat;
  let left = 0;
  let notSummarized = 0;
  let holes = 0;
  let bar: ProgressBar | undefined;
  const complaint = () =>
    `Not drained after ${withinMs / 1000} s: ${left} events unsettled, ${notSummarized} counts not summarized, ${holes} holes in the cursors.`;

  await waitUntil(
    async () => {
      // In this order: a summary is an event itself, and is there once nothing is left to be summarized.
      notSummarized = await ledger.notSummarized();
      const { consumers } = await processor.getStats();
      const sum = (count: (consumer: OutboxStats['consumers'][number]) => number) =>
        consumers.reduce((all, consumer) => all + count(consumer), 0);
      const total = sum((consumer) => consumer.total);
      left = sum(({ pending, processing, failed }) => pending + processing + failed);
      holes = left === 0 ? await ledger.holes() : holes;
      bar ??= new ProgressBar('Handling events   ', total);
      bar.show(total - left, total);
      return consumers.length >= CONSUMERS && left === 0 && notSummarized === 0 && holes === 0;
    },
    { withinMs, signal, complaint },
  ).finally(() => bar?.clear());
  done('Every event is processed or dead', performance.now() - begin);
}
