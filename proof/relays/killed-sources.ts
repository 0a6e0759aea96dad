import { judgeArrivals } from '../harness/evidence.js';
import { type ProofDatabase, ProofServer } from '../harness/proof-server.js';
import type { Random } from '../harness/random.js';
import { until } from '../harness/wait.js';
import type { Scenario, Stage } from '../scenarios/scenario.js';
import type { BrokerAtHand, RawMessage } from './broker-client.js';
import { killOneAfterAnother, longestStepMs } from './kills.js';
import { COUNT_REJECTED, COUNT_TAKEN, TAKEN } from './relays.store.js';

const AGGREGATES = 500;
/** Of each so many messages, one is sent a second time. */
const REPEATED = 5;
/** A repeat comes at most so many messages later. */
const LATEST_REPEAT = 2_000;

interface Sent extends RawMessage {
  readonly id: string;
  readonly position: number;
}

/** Processes with a source, killed one after another while it takes in what is there. */
export function killedSources(one: BrokerAtHand): Scenario {
  const { name: broker, client } = one;
  const { address } = one.broker;
  const name = `relays-${broker}-source`;
  return {
    name,
    shows: 'a source killed again and again, a fifth of the messages sent twice: each event once, order kept',
    run: async (stage) => {
      const { database, processes, report, random, sizes } = stage;
      const kills = sizes.long ? 4 : 1;
      const sent = messagesOf(sizesOf(stage));
      await client.make(name);
      await client.send(name, withRepeats(sent, random));
      const start = () => processes.relaying({ databaseUrl: database.url, broker, address, from: name });
      const done = () => countTaken(database);
      await killOneAfterAnother(stage, { kills, total: sent.length, done, start });
      await untilTaken(stage, database, sent.length, () => client.left(name));
      await processes.closeAll();
      report.exactly(`${name}-kills`, kills, kills);
      await judge(stage, { name, database, sent, left: await client.left(name) });
    },
  };
}

/** As above, with a Postgres of its own that is restarted: once in order, and once at once. */
export function restartedPostgres(one: BrokerAtHand): Scenario {
  const { name: broker, client } = one;
  const { address } = one.broker;
  const name = `relays-${broker}-restart`;
  return {
    name,
    shows: 'Postgres restarted while a source takes in messages: each event once, order kept',
    run: async (stage) => {
      const { processes, random } = stage;
      const sent = messagesOf(sizesOf(stage));
      await client.make(name);
      await client.send(name, withRepeats(sent, random));
      const server = await ProofServer.start();
      try {
        const database = await server.createDatabase('restarted');
        processes.relaying({ databaseUrl: database.url, broker, address, from: name });
        for (const [i, mode] of (['fast', 'immediate'] as const).entries()) {
          const share = Math.floor((sent.length * (i + random.next())) / 2);
          await until(`${share} are taken in`, async () => (await countTaken(database)) >= share, {
            everyMs: 5,
            withinMs: longestStepMs(stage.sizes),
          });
          await server.restart(mode);
        }
        await untilTaken(stage, database, sent.length, () => client.left(name));
        await processes.closeAll();
        await judge(stage, { name, database, sent, left: await client.left(name) });
        await database.drop();
      } finally {
        await server.stop();
      }
    },
  };
}

function sizesOf({ sizes }: Stage): number {
  return sizes.events ?? (sizes.long ? 20_000 : 4_000);
}

function messagesOf(count: number): Sent[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `message-${i}`;
    const aggregate = `thing/t${i % AGGREGATES}`;
    const text = JSON.stringify({
      specversion: '1.0',
      id,
      source: '/kit',
      type: 'thing.sent',
      subject: aggregate,
      data: { id },
    });
    return { id, position: i, aggregate, text };
  });
}

/** The messages in their order, with repeats of some of them at random places behind. */
function withRepeats(sent: readonly Sent[], random: Random): RawMessage[] {
  const placed = sent.map((message, i) => ({ message, at: i }));
  const repeats = sent
    .filter((_, i) => i % REPEATED === 0)
    .map((message) => ({ message, at: message.position + 1 + random.int(LATEST_REPEAT) }));
  return [...placed, ...repeats].sort((a, b) => a.at - b.at).map(({ message }) => message);
}

/** Something is missing if nothing has come for so long, although the broker has nothing left. */
const STILL_MS = 10_000;

async function untilTaken(
  { sizes }: Stage,
  database: ProofDatabase,
  count: number,
  left: () => Promise<number>,
): Promise<void> {
  let taken = -1;
  let changedAt = 0;
  await until(
    'everything is taken in and acknowledged',
    async () => {
      const now = await countTaken(database);
      if (now !== taken) changedAt = performance.now();
      taken = now;
      const isAll = taken >= count || performance.now() - changedAt > STILL_MS;
      return (await left()) === 0 && isAll;
    },
    { withinMs: longestStepMs(sizes) },
  );
}

interface Taken {
  readonly name: string;
  readonly database: ProofDatabase;
  readonly sent: readonly Sent[];
  /** How many messages the broker still has for the source. */
  readonly left: number;
}

async function judge({ processes, report }: Stage, { name, database, sent, left }: Taken): Promise<void> {
  const taken = await database.query<{ id: string }>(TAKEN);
  const [rejected] = await database.query<{ count: number }>(COUNT_REJECTED);
  const verdict = judgeArrivals(
    taken.map(({ id }) => id),
    sent,
  );
  report.exactly(`${name}-events`, taken.length, sent.length);
  report.exactly(`${name}-lost`, verdict.lost, 0);
  report.exactly(`${name}-twice`, verdict.duplicates, 0);
  report.exactly(`${name}-out-of-order`, verdict.orderViolations, 0);
  report.exactly(`${name}-rejected`, rejected?.count ?? Number.NaN, 0);
  report.exactly(`${name}-unacknowledged`, left, 0);
  report.exactly(`${name}-processes-ended-by-themselves`, processes.deaths.length, 0);
}

async function countTaken(database: ProofDatabase): Promise<number> {
  try {
    const [row] = await database.query<{ count: number }>(COUNT_TAKEN);
    return row?.count ?? 0;
  } catch {
    // Postgres is being restarted.
    return 0;
  }
}
