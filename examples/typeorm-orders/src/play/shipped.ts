import { type AttemptOutcome, OutboxProcessor } from 'nestjs-integration';
import { filter, firstValueFrom, scan, timeout } from 'rxjs';

const LIMIT_MS = 30_000;

/** Resolves once shipping is done with `count` events. Listens from the call on. */
export function untilShipped(processor: OutboxProcessor, count: number): Promise<number> {
  return firstValueFrom(
    processor.outcomes$.pipe(
      filter(({ consumerName, status }) => consumerName === 'shipping' && status === 'processed'),
      scan((done) => done + 1, 0),
      filter((done) => done === count),
      timeout({ first: LIMIT_MS }),
    ),
  );
}

/** Prints each try that failed. */
export function tellRetries(processor: OutboxProcessor): void {
  processor.outcomes$.subscribe((outcome: AttemptOutcome) => {
    if (outcome.status !== 'retrying') return;
    const { consumerName, eventName, attempt, error } = outcome;
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`${consumerName} failed at try ${attempt} of ${eventName} (${reason}), and tries again.`);
  });
}
