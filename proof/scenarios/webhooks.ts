import type { ProofProcess } from '../harness/child-process.js';
import { CUTS, type Cut, nameOf } from '../webhooks/cuts.js';
import { isAsItShouldBe, judgeDeliveries } from '../webhooks/evidence.js';
import { type Answer, type Delivery, send, sendUntilTaken } from '../webhooks/sender.js';
import { Trap } from '../webhooks/trap.js';
import { RECEIVER_TABLES } from '../webhooks/webhooks.store.js';
import type { Scenario, Stage } from './scenario.js';

/** Equal deliveries at once, half of them to the receiver that is killed. */
const CROWD = 50;
/** How often a delivery is repeated at once while its first session hangs in a statement. */
const REPETITIONS = 5;

/** A process that starts takes longer than a round. */
const STARTED_AHEAD = 2;

interface Receiver {
  readonly process: ProofProcess;
  readonly address: string;
}

/** What was seen in all rounds. */
interface Seen {
  readonly deliveries: Delivery[];
  /** Cuts at which what was left was not what it has to be. */
  readonly wrongAtCut: string[];
  /** Cuts after which the repetitions were not answered as they have to be. */
  readonly wrongAnswers: string[];
  /** Crowds in which more than one sender was told that its delivery is the first. */
  readonly manyFirsts: string[];
}

/** Receivers of webhooks that are killed at each step of a receipt and of `once`, while senders repeat what was not answered. */
export const webhooks: Scenario = {
  name: 'webhooks',
  shows: 'receivers killed at each step of a receipt and of `once`: each delivery once, whole, or not at all',
  run: async (stage) => {
    const { database, processes, report, sizes } = stage;
    await database.query(RECEIVER_TABLES);
    const seen: Seen = { deliveries: [], wrongAtCut: [], wrongAnswers: [], manyFirsts: [] };
    const cuts = Array.from({ length: sizes.long ? 10 : 1 }, () => CUTS).flat();
    const starting: Promise<Receiver>[] = [];
    const next = async (): Promise<Receiver> => {
      while (starting.length < STARTED_AHEAD) starting.push(heeded(startReceiver(stage)));
      return starting.shift() as Promise<Receiver>;
    };
    let [victim, other] = [await next(), await next()];
    for (const [index, cut] of cuts.entries()) {
      await cutOnce(stage, cut, { index, victim, other }, seen);
      [victim, other] = [other, await next()];
    }
    await Promise.all(starting);
    await processes.closeAll();
    const verdict = await judgeDeliveries(database, seen.deliveries);
    report.figure('webhooks-deliveries', seen.deliveries.length);
    report.exactly(
      'webhooks-receivers-killed',
      processes.all.filter(({ end }) => end === 'SIGKILL').length,
      cuts.length,
    );
    report.exactly('webhooks-deliveries-not-whole', verdict.missing, 0);
    report.exactly('webhooks-deliveries-more-than-once', verdict.tooMuch, 0);
    report.exactly('webhooks-rows-of-no-delivery', verdict.strays, 0);
    report.exactly('webhooks-wrong-at-the-cut', seen.wrongAtCut.length, 0);
    report.exactly('webhooks-repetitions-answered-wrongly', seen.wrongAnswers.length, 0);
    report.exactly('webhooks-crowds-with-two-firsts', seen.manyFirsts.length, 0);
    report.detail('webhooks', { ...seen, deliveries: undefined, wrong: verdict.wrong });
  },
};

/** Every second one uses a client of the host. */
async function startReceiver({ database, processes }: Stage): Promise<Receiver> {
  const hasHostClient = processes.all.length % 2 === 1;
  const process = await processes.receiver({ databaseUrl: database.url, hasHostClient }).ready();
  return { process, address: await process.ask<string>({ kind: 'address' }) };
}

interface Round {
  readonly index: number;
  readonly victim: Receiver;
  readonly other: Receiver;
}

/** Kills a receiver at one step of one delivery, in the midst of a crowd of equal ones. */
async function cutOnce(
  { database }: Stage,
  cut: Cut,
  { index, victim, other }: Round,
  seen: Seen,
): Promise<void> {
  const isBytes = cut.flow === 'receipt' && index % 4 > 1;
  const named = (part: string): Delivery => ({
    flow: cut.flow,
    id: `${nameOf(cut)}/${index}/${part}`,
    isBytes,
  });
  const [alone, equal] = [named('alone'), named('crowd')];
  seen.deliveries.push(alone, equal);
  const crowd = Array.from({ length: CROWD }, (_, place) =>
    heeded(sendUntilTaken(equal, place % 2 === 0 ? [victim.address, other.address] : [other.address])),
  );
  const repeated =
    'step' in cut
      ? await cutAtStep(cut, alone, victim, other, async () => {
          if (!(await isAsItShouldBe(database, alone, cut.isCommitted))) seen.wrongAtCut.push(nameOf(cut));
        })
      : await cutInTrap(await Trap.set(database, cut.trap, alone.id), cut, alone, victim, other);
  if (firstsOf(repeated) !== (cut.isCommitted ? 0 : 1)) seen.wrongAnswers.push(nameOf(cut));
  if (!(await isAsItShouldBe(database, alone, true))) seen.wrongAtCut.push(`${nameOf(cut)}, repeated`);
  if (firstsOf(await Promise.all(crowd)) > 1) seen.manyFirsts.push(nameOf(cut));
}

/** The receiver kills itself. Nobody else sends the delivery until what it has left was looked at. */
async function cutAtStep(
  { step }: Extract<Cut, { step: unknown }>,
  delivery: Delivery,
  { process, address }: Receiver,
  other: Receiver,
  look: () => Promise<void>,
): Promise<Answer[]> {
  await process.ask({ kind: 'arm', step, delivery: delivery.id });
  // A crowd may hold up a connection, but the receiver takes this delivery before it dies.
  await send(delivery, address);
  await process.whenEnded();
  await look();
  return [await sendUntilTaken(delivery, [other.address])];
}

/** The receiver is killed while its session is in the midst of a statement. Repetitions come before that session has ended. */
async function cutInTrap(
  trap: Trap,
  { session }: Extract<Cut, { trap: unknown }>,
  delivery: Delivery,
  victim: Receiver,
  other: Receiver,
): Promise<Answer[]> {
  const first = send(delivery, victim.address);
  await trap.untilEntered();
  await victim.process.kill();
  await first;
  const repeating = Array.from({ length: REPETITIONS }, () =>
    heeded(sendUntilTaken(delivery, [other.address])),
  );
  // If they did not have to wait, they are answered. What they are told is judged.
  await Promise.race([trap.untilOthersWait(), Promise.all(repeating)]);
  if (session === 'is ended') await trap.endSession();
  await trap.release();
  return Promise.all(repeating);
}

/** Its failure is heard where it is awaited, and ends nothing if the scenario has broken off before. */
function heeded<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function firstsOf(answers: readonly Answer[]): number {
  return answers.filter(({ isFirst }) => isFirst).length;
}
