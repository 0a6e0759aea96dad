import { type Destination, isAccepted } from './destinations.js';
import type { ConsumerFigures } from './ledger.store.js';
import { duration, heading, line, style, table } from './screen.js';
import type { Stage } from './stage.js';
import type { Kill } from './workers.js';

export interface ConsumerReport extends ConsumerFigures {
  /** From commit to the first handler's start, in ms; absent where nothing was measured. */
  p50?: number | undefined;
  p99?: number | undefined;
}

export async function consumersOf({ ledger, stopwatch }: Stage): Promise<ConsumerReport[]> {
  return (await ledger.consumers()).map((figures) => ({
    ...figures,
    p50: stopwatch.latency(figures.consumer, 0.5),
    p99: stopwatch.latency(figures.consumer, 0.99),
  }));
}

export function printConsumers(consumers: readonly ConsumerReport[]): void {
  heading('Consumers');
  table(
    ['consumer', 'events', 'processed', 'retried', 'dead', 'waiting', 'p50', 'p99'],
    consumers.map(({ consumer, events, processed, retried, dead, waiting, p50, p99 }) => [
      consumer,
      ...[events, processed, retried, dead, waiting].map(String),
      duration(p50),
      duration(p99),
    ]),
  );
  line(
    style('dim', 'p50, p99: from commit to handler, waiting for earlier events of the repository included'),
  );
}

export function printDestinations(destinations: readonly Destination[]): void {
  heading('Webhooks');
  table(
    ['destination', 'requests', 'refused', 'delivered'],
    destinations.map(({ name, receiver: { requests } }) => {
      const accepted = requests.filter(isAccepted);
      const delivered = new Set(accepted.map(({ id }) => id)).size;
      return [name, ...[requests.length, requests.length - accepted.length, delivered].map(String)];
    }),
  );
}

export function printKill(kill: Kill | undefined): void {
  if (kill?.resumedAfterMs === undefined) return;
  const { consumerName, pid, resumedAfterMs } = kill;
  line(style('dim', `"${consumerName}" went on ${duration(resumedAfterMs)} after worker ${pid} was killed`));
}
