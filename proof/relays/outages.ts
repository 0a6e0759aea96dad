import type { ProofProcess } from '../harness/child-process.js';
import { judgeArrivals, readEvents } from '../harness/evidence.js';
import { HEAD, INBOX } from '../harness/proof-database.store.js';
import type { ProofDatabase } from '../harness/proof-server.js';
import { untilSettled } from '../harness/settled.js';
import { sleep, until } from '../harness/wait.js';
import { RELAY, type RelayingCounts } from '../processes/relaying-protocol.js';
import type { Scenario, Stage } from '../scenarios/scenario.js';
import { publisherOf } from './backlog.js';
import type { BrokerAtHand } from './broker-client.js';
import { longestStepMs } from './kills.js';

/** Events a second. */
const RATE = 1_000;
const BATCH = 100;
/** The relay works so long before the broker goes away. */
const BEFORE_MS = 3_000;
const GOES_ON_WITHIN_S = 10;
/** Calls that found out whether the broker is there, and batches that were not full, against those that are needed. */
const MOST_CALLS = 1.2;
const SHORT_MS = 10_000;
/** So many events are published meanwhile, or the calls that find out whether the broker is there are too many of all. */
const FEWEST_EVENTS = 15_000;

interface Fault {
  readonly name: 'away' | 'silent';
  readonly longMs: number;
  begin(one: BrokerAtHand): Promise<void> | void;
  end(one: BrokerAtHand): Promise<void> | void;
}

const AWAY: Fault = {
  name: 'away',
  longMs: 60_000,
  begin: ({ broker }) => broker.end(),
  end: ({ broker }) => broker.restart(),
};
const SILENT: Fault = {
  name: 'silent',
  longMs: 30_000,
  begin: ({ broker }) => broker.freeze(),
  end: ({ broker }) => broker.thaw(),
};

/** The broker is ended under load, and comes back with its data. */
export const brokerAway = (one: BrokerAtHand) => outage(one, AWAY);
/** The broker is stopped (SIGSTOP) under load: its connections stay open, and nobody answers. */
export const brokerSilent = (one: BrokerAtHand) => outage(one, SILENT);

function outage(one: BrokerAtHand, fault: Fault): Scenario {
  const name = `relays-${one.name}-${fault.name}`;
  return {
    name,
    shows: `the broker is ${fault.name} under load: no attempt is counted, and the relay goes on when it is back`,
    run: async (stage) => {
      const { database, processes, report, sizes } = stage;
      await one.client.make(name);
      const setup = { databaseUrl: database.url, broker: one.name, address: one.broker.address, to: name };
      const [relaying, publisher] = await Promise.all([
        processes.relaying(setup).ready(),
        publisherOf(stage).ready(),
      ]);
      await publisher.ask({ kind: 'run', rate: RATE });
      await until('the relay sends', async () => (await countsOf(relaying)).accepted > 0);
      await sleep(BEFORE_MS);
      await fault.begin(one);
      const before = await countsOf(relaying);
      await publishedMeanwhile(stage, fault);
      await publisher.ask({ kind: 'halt' });
      const during = await countsOf(relaying);
      await fault.end(one);
      const seconds = await secondsUntilSent(relaying, during.accepted);
      await untilSettled(database, longestStepMs(sizes));
      const after = await countsOf(relaying);

      const events = after.accepted - before.accepted;
      report.figure(`${name}-events`, events);
      report.figure(`${name}-calls-meanwhile`, during.calls - before.calls);
      report.atMost(`${name}-seconds-until-it-goes-on`, seconds, GOES_ON_WITHIN_S);
      report.atMost(`${name}-calls`, after.calls - before.calls, (MOST_CALLS * events) / BATCH);
      await judge(stage, name, one);
    },
  };
}

/** Resolves when the fault has lasted for its time, and enough events have been published since it began. */
async function publishedMeanwhile({ database, sizes }: Stage, { longMs }: Fault): Promise<void> {
  const headBefore = await headOf(database);
  await sleep(sizes.long ? longMs : SHORT_MS);
  const isEnough = async () => (await headOf(database)) - headBefore >= FEWEST_EVENTS;
  await until('enough events are published', isEnough, { withinMs: longestStepMs(sizes) });
}

async function secondsUntilSent(relaying: ProofProcess, before: number): Promise<number> {
  const from = performance.now();
  const hasSent = async () => (await countsOf(relaying)).accepted > before;
  await until('the relay goes on', hasSent, { everyMs: 50 });
  return (performance.now() - from) / 1e3;
}

async function judge({ database, processes, report }: Stage, name: string, { client }: BrokerAtHand) {
  const rows = await database.query<{ consumer: string; status: string; rows: number; attempts: number }>(
    INBOX,
  );
  const ofRelay = rows.filter(({ consumer }) => consumer === RELAY);
  const dead = ofRelay.filter(({ status }) => status === 'dead_letter');
  report.exactly(
    `${name}-dead-letters`,
    dead.reduce((sum, each) => sum + each.rows, 0),
    0,
  );
  // The attempt that succeeded may be counted.
  report.atMost(`${name}-most-attempts-of-an-event`, Math.max(0, ...ofRelay.map((each) => each.attempts)), 1);
  const verdict = judgeArrivals(await client.take(name), await readEvents(database));
  report.exactly(`${name}-lost`, verdict.lost, 0);
  report.exactly(`${name}-out-of-order`, verdict.orderViolations, 0);
  report.figure(`${name}-twice`, verdict.duplicates);
  // An unhandled rejection ends its process.
  report.exactly(`${name}-processes-ended-by-themselves`, processes.deaths.length, 0);
}

async function headOf(database: ProofDatabase): Promise<number> {
  const [row] = await database.query<{ head: number }>(HEAD);
  return row?.head ?? 0;
}

function countsOf(relaying: ProofProcess): Promise<RelayingCounts> {
  return relaying.ask<RelayingCounts>({ kind: 'counts' });
}
