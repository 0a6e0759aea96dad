import type { ProofProcess } from '../harness/child-process.js';
import type { Stage } from '../scenarios/scenario.js';

const AGGREGATES = 500;
const EVENTS_OF_TRANSACTION = 5;

/** A process that publishes what relays send. */
export function publisherOf({ database, processes, seed }: Stage): ProofProcess {
  return processes.publisher({
    databaseUrl: database.url,
    seed,
    aggregates: AGGREGATES,
    eventsPerTransaction: EVENTS_OF_TRANSACTION,
  });
}

/** Publishes so many events as fast as it can. */
export async function backlog(stage: Stage, events: number): Promise<void> {
  const publisher = await publisherOf(stage).ready();
  await publisher.ask({ kind: 'run', events });
  await publisher.ask({ kind: 'finished' });
  await publisher.close();
}
