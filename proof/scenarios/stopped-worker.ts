import { consumersOfEveryKind, type ProofProcess } from '../harness/child-process.js';
import { monotonicMs } from '../harness/clock.js';
import { judge, readEvents } from '../harness/evidence.js';
import { type Run, readRuns } from '../harness/journal.js';
import { TOKENS } from '../harness/proof-database.store.js';
import { unreadOf, unsettled, untilLeased, untilSettled } from '../harness/settled.js';
import { sleep, until } from '../harness/wait.js';
import type { ConsumerSpec, PlannedEvent } from '../processes/protocol.js';
import type { Scenario, Stage } from './scenario.js';

const LEASE_MS = 3_000;
const HANDLER_MS = 9_000;
/** So long what is done waits for its save: the worker is stopped meanwhile. */
const FLUSH_MS = 1_000;
/** How long the next owner may take for everything. */
const GETS_ON_WITHIN_MS = 45_000;
/** Long enough to stop the worker meanwhile, on a busy machine too. */
const HOLD_MS = 6_000;
/** What the server gives a transaction beyond its handler's time. */
const SERVER_SLACK_MS = 500;
const BEHIND = 10;
const OTHERS = 60;
const UNSAVED = 20;

/** One handler at a time, so that everything else that was fetched waits. */
const HELD = consumersOfEveryKind({ concurrency: 1, timeoutMs: HANDLER_MS });
/** Its handlers end just before the worker is stopped: the save comes when it is woken. */
const UNSAVING: ConsumerSpec = { name: 'unsaved', kind: 'plain', eventNames: ['late.*'] };
const CONSUMERS = [...HELD, UNSAVING];

/** A worker that does not notice that it has lost its lease. */
export const stoppedWorker: Scenario = {
  name: 'stopped-worker',
  shows:
    'a worker stopped in its handlers past its lease: the next one goes on, the late one changes nothing',
  run: async (stage) => {
    const { database, processes, report } = stage;
    const settings = {
      processingLeaseMs: LEASE_MS,
      pollingIntervalMs: 500,
      idlePollingIntervalMs: 1_000,
      flushIntervalMs: FLUSH_MS,
    };
    const setup = { databaseUrl: database.url, consumers: CONSUMERS, settings };
    const first = processes.worker({ ...setup, holds: true });
    const publisher = processes.publisher({ databaseUrl: database.url });
    await Promise.all([first.ready(), publisher.ready()]);
    await untilLeased(database);
    const owner = await ownerOf(stage);
    const prefetched = new Set(await publisher.ask<string[]>({ kind: 'publish', events: plan() }));
    await until('a handler of every kind is held', () => first.holdings.length === HELD.length, {
      everyMs: 5,
    });
    await untilPassedOver(stage);
    await publisher.ask({ kind: 'publish', events: unsaved() });
    await until('what is not to be saved is handled', () => endedBy(stage, first).length === UNSAVED, {
      everyMs: 5,
    });

    first.freeze();
    const frozenAt = monotonicMs();
    await sleep(100);
    const ended = endedBy(stage, first);
    if (ended.length > UNSAVED)
      throw new Error('the machine was too busy to stop the worker in its handlers');
    const positions = ended.map(({ position }) => position);
    if ((await unreadOf(database, UNSAVING.name, positions)).length === 0)
      throw new Error('the machine was too busy to stop the worker before its save');
    const second = processes.worker(setup);
    await second.ready();
    const takenAt = await takenOver(stage, owner);
    await untilSettled(database, GETS_ON_WITHIN_MS).catch(() => {});
    report.exactly('stopped-worker-left-while-it-is-stopped', await unsettled(database), 0);
    const settledAt = monotonicMs();
    // Whatever it does now, it does late.
    await sleep(Math.max(0, LEASE_MS * 2 - (settledAt - frozenAt)));
    const thawedAt = monotonicMs();
    first.thaw();
    await until('the stopped worker has noticed', () => noticed(first) === CONSUMERS.length, {
      withinMs: 30_000,
    });
    const refused = await refusedSaves(first);
    await publisher.ask({ kind: 'publish', events: later() });
    await untilSettled(database, 30_000);
    await processes.closeAll();

    report.figure('stopped-worker-stopped-seconds', (thawedAt - frozenAt) / 1e3);
    await reportBlocking(stage, first, second, takenAt);
    const late = readRuns(stage.folder, first.name).filter(
      ({ startedAt, eventId }) => startedAt > thawedAt && prefetched.has(eventId),
    );
    report.exactly('stopped-worker-stale-starts', late.length, 0);
    report.exactly('stopped-worker-losses-noticed', noticed(first), CONSUMERS.length);
    report.atLeast('stopped-worker-late-saves-rejected', refused, 1);
    await reportDelivery(stage);
    report.exactly('stopped-worker-processes-ended-by-themselves', processes.deaths.length, 0);
  },
};

/** One event that is held up, some behind it, and many of other aggregates that are fetched with it. */
function plan(): PlannedEvent[] {
  const held = { aggregate: 'held', eventName: 'thing.changed' };
  return [
    { ...held, payload: { holdMs: HOLD_MS } },
    ...Array.from({ length: BEHIND }, () => held),
    ...later(),
  ];
}

function later(): PlannedEvent[] {
  return Array.from({ length: OTHERS }, (_, n) => ({ aggregate: `other ${n}`, eventName: 'thing.changed' }));
}

function unsaved(): PlannedEvent[] {
  return Array.from({ length: UNSAVED }, (_, n) => ({ aggregate: `late ${n}`, eventName: 'late.changed' }));
}

/** The consumer that wants nothing of what there is has put that behind it: its next save is of what it handles next. */
function untilPassedOver(stage: Stage): Promise<unknown> {
  return until('what concerns other consumers is passed over', async () => {
    const events = await readEvents(stage.database);
    const positions = events.map(({ position }) => position);
    return (await unreadOf(stage.database, UNSAVING.name, positions)).length === 0;
  });
}

function endedBy({ folder }: Stage, worker: ProofProcess): Run[] {
  return readRuns(folder, worker.name).filter((run) => run.endedAt !== undefined);
}

/** As the woken worker itself counts them. */
async function refusedSaves(worker: ProofProcess): Promise<number> {
  let refused = 0;
  await until(
    'a late save is counted',
    async () => {
      ({ refusedSaves: refused } = await worker.ask<{ refusedSaves: number }>({ kind: 'stats' }));
      return refused > 0;
    },
    { withinMs: 10_000 },
  ).catch(() => {});
  return refused;
}

/** The one process that holds all leases. */
async function ownerOf({ database }: Stage): Promise<string> {
  const tokens = await database.query<{ owner: string }>(TOKENS);
  return tokens[0]?.owner ?? '';
}

/** When each consumer was somebody else's. */
async function takenOver({ database }: Stage, owner: string): Promise<Map<string, number>> {
  const at = new Map<string, number>();
  await until(
    'every consumer is taken over',
    async () => {
      for (const row of await database.query<{ consumer: string; owner: string }>(TOKENS))
        if (row.owner !== owner && !at.has(row.consumer)) at.set(row.consumer, monotonicMs());
      return at.size === CONSUMERS.length;
    },
    { everyMs: 20, withinMs: 60_000 },
  );
  return at;
}

/** How many of its consumers a worker has said to have lost: what they had in hand was refused and dropped. */
function noticed(worker: ProofProcess): number {
  const lines = worker.log.split('\n').filter((line) => /taken over|lease was lost/.test(line));
  return CONSUMERS.filter(({ name }) =>
    lines.some((line) => line.includes(`"${name}"`) || line.includes(`[Consumer ${name}]`)),
  ).length;
}

/** From the takeover to the end of the held event: no longer than the handler that sits on it may take, and a run of its own. */
async function reportBlocking(
  { folder, report }: Stage,
  first: ProofProcess,
  second: ProofProcess,
  takenAt: Map<string, number>,
): Promise<void> {
  const held = new Map(first.holdings.map(({ consumer, eventId }) => [consumer, eventId]));
  const runs = readRuns(folder, second.name);
  for (const { name } of HELD) {
    const run = runs.find(({ consumer, eventId }) => consumer === name && eventId === held.get(name));
    const blocked = (run?.endedAt ?? Number.POSITIVE_INFINITY) - (takenAt.get(name) ?? 0);
    report.atMost(`stopped-worker-next-owner-waits-ms-${name}`, blocked, HANDLER_MS + SERVER_SLACK_MS);
  }
}

async function reportDelivery({ database, folder, report }: Stage): Promise<void> {
  const events = await readEvents(database);
  for (const consumer of CONSUMERS) {
    const wanted = events.filter(({ name }) => name.startsWith('late.') === (consumer === UNSAVING));
    const verdict = await judge(database, folder, consumer, wanted);
    report.exactly(`stopped-worker-lost-${consumer.name}`, verdict.lost, 0);
    report.exactly(`stopped-worker-order-violations-${consumer.name}`, verdict.orderViolations, 0);
    if (consumer.kind === 'plain') {
      // What was held, or done and not saved, runs twice; nothing else does.
      const bound = consumer === UNSAVING ? UNSAVED : 1;
      report.atMost(`stopped-worker-duplicates-${consumer.name}`, verdict.duplicates, bound);
    } else {
      report.exactly(`stopped-worker-duplicate-effects-${consumer.name}`, verdict.duplicates, 0);
    }
  }
}
