import type { ProofProcess } from '../harness/child-process.js';
import type { ProofDatabase } from '../harness/proof-server.js';
import { unsettled } from '../harness/settled.js';
import { sleep, until } from '../harness/wait.js';
import type { RelayingSetup } from '../processes/relaying-protocol.js';
import type { Scenario, Stage } from '../scenarios/scenario.js';
import { backlog } from './backlog.js';
import type { BrokerAtHand } from './broker-client.js';
import { longestStepMs } from './kills.js';
import { COUNT_OF_NAME, COUNT_REJECTED, HANDLED } from './relays.store.js';

const REQUEST = 'thing.changed';
const ANSWER = 'thing.answered';
/** A process is killed at any moment of this time after its share is there. */
const MOMENT_MS = 20;

interface Handled {
  readonly events: number;
  readonly things: number;
  readonly effects: number;
}

/** An application, and the events that come to it by the broker. */
interface Application {
  readonly name: 'asks' | 'answers';
  readonly database: ProofDatabase;
  readonly setup: RelayingSetup;
  readonly gets: typeof REQUEST | typeof ANSWER;
}

/**
 * The application `asks` has requests, which go to `answers` by the broker. Its handler answers each in its
 * transaction, and the answers come back by the broker. Both relay all that they have, so what an application
 * took in goes back as well, and is refused because it went round in a circle. Answers are not. Both are
 * killed.
 */
export function twoApplications(one: BrokerAtHand): Scenario {
  const name = `relays-${one.name}-applications`;
  return {
    name,
    shows:
      'two applications, both killed: one effect of each request and of each answer, circles are refused',
    run: async (stage) => {
      const { server, database, sizes } = stage;
      const there = `${name}-there`;
      const back = `${name}-back`;
      const shared = { broker: one.name, address: one.broker.address };
      const answering = await server.createDatabase('answers');
      try {
        const applications: readonly Application[] = [
          {
            name: 'asks',
            database,
            gets: ANSWER,
            setup: {
              ...shared,
              databaseUrl: database.url,
              application: 'asks',
              to: there,
              from: back,
              handles: ANSWER,
            },
          },
          {
            name: 'answers',
            database: answering,
            gets: REQUEST,
            setup: {
              ...shared,
              databaseUrl: answering.url,
              application: 'answers',
              to: back,
              from: there,
              handles: REQUEST,
              answers: ANSWER,
            },
          },
        ];
        const events = sizes.events ?? (sizes.long ? 10_000 : 1_000);
        await Promise.all([one.client.make(there), one.client.make(back), backlog(stage, events)]);
        await playPair(stage, applications, name, async () => {
          const left = await Promise.all([there, back].map((place) => one.client.left(place)));
          return left.every((each) => each === 0);
        });
      } finally {
        await stage.processes.killAll();
        await answering.drop();
      }
    },
  };
}

async function playPair(
  stage: Stage,
  applications: readonly Application[],
  name: string,
  isEmpty: () => Promise<boolean>,
): Promise<void> {
  const { database, processes, report, sizes } = stage;
  const requests = await countOf(database, COUNT_OF_NAME, [REQUEST]);
  const kills = sizes.long ? 4 : 1;
  await killBoth(stage, applications, { kills, requests });
  const areSettled = async () => {
    const left = await Promise.all(applications.map((each) => unsettled(each.database)));
    return left.every((each) => each === 0);
  };
  await until(
    'everything has come and gone',
    async () =>
      (await handledIn(database, ANSWER)).effects >= requests &&
      (await areSettled()) &&
      (await isEmpty()) &&
      (await areSettled()),
    { everyMs: 500, withinMs: longestStepMs(sizes) },
  );
  await processes.closeAll();
  report.figure(`${name}-kills`, 2 * kills);
  for (const { name: who, database: its, gets } of applications) {
    const { events, things, effects } = await handledIn(its, gets);
    report.exactly(`${name}-${who}-took-in`, events, requests);
    report.exactly(`${name}-${who}-took-in-different-ones`, things, requests);
    report.exactly(`${name}-${who}-effects`, effects, requests);
    report.exactly(`${name}-${who}-refused-circles`, await countOf(its, COUNT_REJECTED), requests);
  }
  report.exactly(`${name}-processes-ended-by-themselves`, processes.deaths.length, 0);
}

/** Kills the two in turn, each when another share of the answers has come back. */
async function killBoth(
  { processes, random, sizes }: Stage,
  applications: readonly Application[],
  { kills, requests }: { readonly kills: number; readonly requests: number },
): Promise<void> {
  const [asks] = applications;
  const running = new Map<Application, ProofProcess>();
  for (const each of applications) running.set(each, processes.relaying(each.setup));
  for (let turn = 0; turn < kills * applications.length; turn++) {
    const victim = applications[turn % applications.length];
    if (asks === undefined || victim === undefined) return;
    const share = Math.floor((requests * (turn + random.next())) / (kills * applications.length + 1));
    await until(
      `${share} answers have come back`,
      async () => (await handledIn(asks.database, ANSWER)).effects >= share,
      { everyMs: 20, withinMs: longestStepMs(sizes) },
    );
    await sleep(random.int(MOMENT_MS));
    await running.get(victim)?.kill();
    running.set(victim, processes.relaying(victim.setup));
  }
}

async function handledIn(database: ProofDatabase, event: string): Promise<Handled> {
  const [row] = await database.query<Handled>(HANDLED, [event]);
  return row ?? { events: Number.NaN, things: Number.NaN, effects: Number.NaN };
}

async function countOf(database: ProofDatabase, sql: string, params: unknown[] = []): Promise<number> {
  const [row] = await database.query<{ count: number }>(sql, params);
  return row?.count ?? Number.NaN;
}
