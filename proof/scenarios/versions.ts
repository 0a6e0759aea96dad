import type { ProofProcess } from '../harness/child-process.js';
import { judge, readEvents, type StoredEvent } from '../harness/evidence.js';
import { HEAD } from '../harness/proof-database.store.js';
import { untilSettled } from '../harness/settled.js';
import { sleep } from '../harness/wait.js';
import type { ConsumerSpec } from '../processes/protocol.js';
import type { Scenario, Stage } from './scenario.js';

const OLD_NAMES = ['order.created'];
const NEW_NAMES = ['order.created', 'order.paid'];

/** The new version knows one more event of `ledger`, has `search` besides, and no `mail` any more. */
const V1: ConsumerSpec[] = [
  { name: 'ledger', kind: 'transactional', eventNames: OLD_NAMES },
  { name: 'report', kind: 'batch', eventNames: ['order.*'] },
  { name: 'mail', kind: 'plain', eventNames: OLD_NAMES },
];
const V2: ConsumerSpec[] = [
  { name: 'ledger', kind: 'transactional', eventNames: NEW_NAMES },
  { name: 'report', kind: 'batch', eventNames: ['order.*'] },
  { name: 'search', kind: 'plain', eventNames: NEW_NAMES },
];

/** Which versions run side by side, one deployment after another. With the last one everybody can finish. */
const ROLLS: readonly (readonly [1 | 2, 1 | 2])[] = [
  [1, 1],
  [1, 2],
  [2, 2],
  [1, 2],
  [1, 1],
  [2, 1],
];

/** After two kills in a row what was being read runs one by one, and a backlog grows meanwhile, in the long form a large one. */
const SETTLED_WITHIN_MS = 90_000;
const SETTLED_WITHIN_LONG_MS = 400_000;

/** Deployments forwards and backwards under load. */
export const versions: Scenario = {
  name: 'versions',
  shows: 'two versions with other consumers and event names, rolled forth and back: nothing lost',
  run: async (stage) => {
    const { database, processes, report, sizes } = stage;
    const publisher = processes.publisher({
      databaseUrl: database.url,
      seed: stage.seed,
      eventNames: NEW_NAMES,
      writers: 4,
    });
    const running: [ProofProcess, ProofProcess] = [worker(stage, 1), worker(stage, 1)];
    await Promise.all([publisher, ...running].map((one) => one.ready()));
    await publisher.ask({ kind: 'run', rate: 60 });
    let current = ROLLS[0] ?? [1, 1];
    /** From here on `ledger` wants the new name as well. */
    let widenedAt = Number.POSITIVE_INFINITY;
    const rolls = Array.from({ length: sizes.long ? 4 : 1 }, () => ROLLS).flat();
    for (const next of rolls.slice(1)) {
      await sleep(sizes.long ? 5_000 : 500);
      for (const index of [0, 1] as const) {
        if (next[index] === current[index]) continue;
        // The new one comes up before the old one goes; every other time the old one has no time to say so.
        const started = await worker(stage, next[index]).ready();
        if (next[index] === 2) widenedAt = Math.min(widenedAt, await headOf(stage));
        if (stage.random.chance(0.5)) await running[index].close();
        else await running[index].kill();
        running[index] = started;
      }
      current = next;
    }
    await sleep(1_000);
    await publisher.ask({ kind: 'halt' });
    await untilSettled(database, sizes.long ? SETTLED_WITHIN_LONG_MS : SETTLED_WITHIN_MS);
    await processes.closeAll();

    const events = await readEvents(database);
    report.figure('versions-events', events.length);
    const ledger = (event: StoredEvent) => event.name === 'order.created' || event.position > widenedAt;
    await reportConsumer(stage, 'ledger', 'transactional', events.filter(ledger));
    await reportConsumer(stage, 'report', 'batch', events);
    await reportConsumer(stage, 'search', 'plain', events);
    await reportConsumer(
      stage,
      'mail',
      'plain',
      events.filter(({ name }) => name === 'order.created'),
    );
    report.exactly('versions-processes-ended-by-themselves', processes.deaths.length, 0);
  },
};

function worker({ database, processes }: Stage, version: 1 | 2): ProofProcess {
  const settings = { processingLeaseMs: 5_000, pollingIntervalMs: 500 };
  return processes.worker({ databaseUrl: database.url, consumers: version === 1 ? V1 : V2, settings });
}

async function headOf({ database }: Stage): Promise<number> {
  const [row] = await database.query<{ head: number }>(HEAD);
  return row?.head ?? 0;
}

async function reportConsumer(
  { database, folder, report }: Stage,
  name: string,
  kind: string,
  wanted: readonly StoredEvent[],
): Promise<void> {
  const verdict = await judge(database, folder, { name, kind }, wanted);
  report.exactly(`versions-lost-${name}`, verdict.lost, 0);
  report.exactly(`versions-order-violations-${name}`, verdict.orderViolations, 0);
  if (kind !== 'plain') report.exactly(`versions-duplicate-effects-${name}`, verdict.duplicates, 0);
}
