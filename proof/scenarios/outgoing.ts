import type { ProofProcess } from '../harness/child-process.js';
import { sleep, until } from '../harness/wait.js';
import { SENDING_TENANT, SENT_EVENT } from '../processes/sender-protocol.js';
import { CountingReceiver } from '../webhooks/counting-receiver.js';
import {
  ADD_EVENTS,
  ALL_KEYS,
  COUNT_DELIVERIES,
  MISSING_DELIVERIES,
  PENDING_KEYS,
  ROUTING,
  SESSIONS,
  STRAY_DELIVERIES,
} from '../webhooks/outgoing.store.js';
import type { Scenario, Stage } from './scenario.js';

const DESTINATIONS = 10;
/** So many routers and as many senders are killed: 50 with 100,000 deliveries. */
const DELIVERIES_OF_A_KILL = 2_000;
/** Something is not getting on at all. */
const STEP_MS = 180_000;
const LAST_STEP_MS = 600_000;
/** When a router is killed, in turn. Within this time, it is killed at any moment of its transaction. */
const ROUTING_MS = 60;
const MOMENTS = ['in its transaction', 'when its rows are there', 'before it begins'] as const;

interface Counts {
  readonly all: number;
  readonly pending: number;
}

interface Plan {
  readonly kills: number;
  /** Events that are published for each life of a router. */
  readonly events: number;
}

/** Processes that route and send webhooks, killed one after another. */
export const outgoing: Scenario = {
  name: 'outgoing',
  shows:
    'routers and senders of webhooks killed: each delivery once, nothing lost, repeated only what was in flight',
  run: async (stage) => {
    const { sizes, random } = stage;
    const deliveries = sizes.events ?? (sizes.long ? 100_000 : 6_000);
    const kills = Math.ceil(deliveries / DELIVERIES_OF_A_KILL);
    const plan = { kills, events: Math.ceil(deliveries / DESTINATIONS / (kills + 1)) };
    const receiver = await CountingReceiver.start(() => random.int(20));
    try {
      await killRouters(stage, plan, receiver);
      await killSenders(stage, plan, receiver);
    } finally {
      await receiver.close();
    }
  },
};

// Routing ------------------------------------------------------------------------------------------------------

async function killRouters(stage: Stage, { kills, events }: Plan, receiver: CountingReceiver): Promise<void> {
  const { database, report } = stage;
  const publish = () => database.query(ADD_EVENTS, [events, SENT_EVENT, SENDING_TENANT]);
  const left = { nothing: 0, 'a part': 0, all: 0 };
  const maker = await start(stage, false);
  await maker.ask({ kind: 'destinations', url: receiver.url, count: DESTINATIONS });
  let router = maker;
  for (let kill = 0; kill < kills; kill++) {
    const before = (await count(stage)).all;
    await publish();
    await momentOf(stage, MOMENTS[kill % MOMENTS.length] ?? MOMENTS[0], before);
    await killWhole(stage, router);
    const routed = (await count(stage)).all - before;
    left[routed === 0 ? 'nothing' : routed < events * DESTINATIONS ? 'a part' : 'all']++;
    router = await start(stage, false);
  }
  await publish();
  const expected = (kills + 1) * events * DESTINATIONS;
  // What was interrupted is routed event by event.
  await until('everything is routed', async () => (await count(stage)).all >= expected, {
    withinMs: LAST_STEP_MS,
  });
  await router.close();
  const missing = await countOf(stage, MISSING_DELIVERIES, [SENT_EVENT]);
  report.exactly('outgoing-routers-killed', kills, kills);
  report.figure('outgoing-routed-at-the-kill', JSON.stringify(left));
  report.exactly('outgoing-deliveries', (await count(stage)).all, expected);
  report.exactly('outgoing-deliveries-missing', missing, 0);
  report.exactly('outgoing-deliveries-of-nothing', await countOf(stage, STRAY_DELIVERIES), 0);
}

async function momentOf(stage: Stage, moment: (typeof MOMENTS)[number], before: number): Promise<void> {
  const often = { everyMs: 1, withinMs: STEP_MS };
  const hasRouted = async () => (await count(stage)).all > before;
  if (moment === 'in its transaction')
    await until(
      'a router writes rows',
      async () => (await countOf(stage, ROUTING)) > 0 || (await hasRouted()),
      often,
    );
  if (moment === 'when its rows are there') await until('rows are there', hasRouted, often);
  else await sleep(stage.random.int(ROUTING_MS));
}

// Sending ------------------------------------------------------------------------------------------------------

async function killSenders(stage: Stage, { kills }: Plan, receiver: CountingReceiver): Promise<void> {
  const { report, random } = stage;
  const portion = (await count(stage)).pending / (kills + 1);
  /** How often each may have been repeated: in flight means that it had come, and was not saved. */
  const mayRepeat = new Map<string, number>();
  for (let kill = 0; kill < kills; kill++) {
    const sender = await start(stage, true);
    const enough = receiver.requests + Math.ceil(portion * (0.5 + random.next() / 2));
    await until('the receiver has got some', () => receiver.requests >= enough, {
      everyMs: 5,
      withinMs: STEP_MS,
    });
    await killWhole(stage, sender);
    for (const key of await pendingKeys(stage))
      if (receiver.counts.has(key)) mayRepeat.set(key, (mayRepeat.get(key) ?? 0) + 1);
  }
  const last = await start(stage, true);
  await until('everything is sent', async () => (await count(stage)).pending === 0, {
    withinMs: LAST_STEP_MS,
  });
  await last.close();
  await judge(stage, receiver, mayRepeat);
  report.exactly('outgoing-senders-killed', kills, kills);
}

async function judge(
  { database, report }: Stage,
  { counts }: CountingReceiver,
  mayRepeat: ReadonlyMap<string, number>,
): Promise<void> {
  const rows = await database.query<{ key: string; status: string; attempts: number }>(ALL_KEYS);
  const keys = new Set(rows.map(({ key }) => key));
  const repeated = [...counts].filter(([, times]) => times > 1);
  const wrongly = repeated.filter(([key, times]) => times - 1 > (mayRepeat.get(key) ?? 0));
  report.exactly('outgoing-lost', rows.filter(({ key }) => !counts.has(key)).length, 0);
  report.exactly('outgoing-not-delivered', rows.filter(({ status }) => status !== 'delivered').length, 0);
  report.exactly('outgoing-attempts-counted-twice', rows.filter(({ attempts }) => attempts !== 1).length, 0);
  report.exactly('outgoing-ids-of-nothing', [...counts.keys()].filter((key) => !keys.has(key)).length, 0);
  report.figure('outgoing-in-flight-at-kills', mayRepeat.size);
  report.figure('outgoing-repeated', repeated.length);
  report.exactly('outgoing-repeated-but-not-in-flight', wrongly.length, 0);
}

// ----------------------------------------------------------------------------------------------------------------

function start({ database, processes }: Stage, sends: boolean): Promise<ProofProcess> {
  return processes.sender({ databaseUrl: database.url, sends }).ready();
}

/** SIGKILL. What the process had sent to the server is carried out, so its sessions are waited for. */
async function killWhole(stage: Stage, victim: ProofProcess): Promise<void> {
  await victim.kill();
  const isGone = async () => (await countOf(stage, SESSIONS)) === 0;
  await until('the sessions of the killed process have ended', isGone, { everyMs: 10, withinMs: STEP_MS });
}

async function count({ database }: Stage): Promise<Counts> {
  const [counts] = await database.query<Counts>(COUNT_DELIVERIES);
  return counts ?? { all: 0, pending: 0 };
}

async function countOf({ database }: Stage, sql: string, params: unknown[] = []): Promise<number> {
  const [row] = await database.query<{ count: number }>(sql, params);
  return row?.count ?? Number.NaN;
}

async function pendingKeys({ database }: Stage): Promise<string[]> {
  return (await database.query<{ key: string }>(PENDING_KEYS)).map(({ key }) => key);
}
