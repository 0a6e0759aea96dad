import { judge, readEvents } from '../harness/evidence.js';
import { DEAD_LETTERS, INBOX } from '../harness/proof-database.store.js';
import { unsettled } from '../harness/settled.js';
import { sleep } from '../harness/wait.js';
import type { ConsumerSpec, PlannedEvent } from '../processes/protocol.js';
import type { Scenario, Stage } from './scenario.js';

const GOOD = 1_000;
const POISON = 500;
const MAX_ATTEMPTS = 3;
/** What a supervisor does: another start, at most so many. */
const MOST_STARTS = 20;
const CONSUMERS: ConsumerSpec[] = [{ name: 'plain', kind: 'plain', eventNames: ['thing.*'] }];

/** An event whose handler ends the process. */
export const poison: Scenario = {
  name: 'poison',
  shows: 'one event in a thousand ends its process: it alone becomes a dead letter',
  run: async (stage) => {
    const { database, processes, report } = stage;
    const publisher = processes.publisher({ databaseUrl: database.url });
    await publisher.ready();
    await publisher.ask({ kind: 'publish', events: plan() });
    await publisher.close();
    const ends = await superviseUntilSettled(stage);
    await processes.closeAll();

    report.atMost('poison-processes-ended', ends, 2 + MAX_ATTEMPTS);
    const dead = await database.query<{ number: string }>(DEAD_LETTERS);
    report.exactly('poison-dead-letters', dead.length, 1);
    report.exactly(
      'poison-dead-letters-of-good-events',
      dead.filter(({ number }) => number !== String(POISON)).length,
      0,
    );
    const events = (await readEvents(database)).filter(({ aggregate }) => aggregate !== 'thing/poison');
    const verdict = await judge(database, stage.folder, { name: 'plain', kind: 'plain' }, events);
    report.exactly('poison-lost', verdict.lost, 0);
    report.exactly('poison-order-violations', verdict.orderViolations, 0);
    report.detail('poison-inbox', await database.query(INBOX));
  },
};

function plan(): PlannedEvent[] {
  return Array.from({ length: GOOD + 1 }, (_, number) => ({
    aggregate: number === POISON ? 'poison' : `good ${Math.floor(number / 20)}`,
    eventName: 'thing.changed',
    payload: { number, ...(number === POISON ? { exit: true } : {}) },
  }));
}

/** Keeps two workers running until everything is settled; resolves to how often one ended. */
async function superviseUntilSettled({ database, processes }: Stage): Promise<number> {
  const setup = {
    databaseUrl: database.url,
    consumers: CONSUMERS,
    settings: {
      processingLeaseMs: 2_000,
      retryBaseDelayMs: 100,
      retryMaxDelayMs: 200,
      pollingIntervalMs: 500,
    },
  };
  const running = [processes.worker(setup), processes.worker(setup)];
  await Promise.all(running.map((worker) => worker.ready().catch(() => {})));
  while (processes.deaths.length < MOST_STARTS) {
    for (const [index, worker] of running.entries())
      if (worker.end !== undefined) running[index] = processes.worker(setup);
    if ((await unsettled(database)) === 0) break;
    await sleep(100);
  }
  return processes.deaths.length;
}
