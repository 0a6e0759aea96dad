import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { OrderTerms } from '../../events.js';
import type { Checks } from '../checks.js';
import { done, failed, heading, line, seconds } from '../screen.js';
import type { Stage } from '../stage.js';
import { unlessStopped, waitUntil } from '../waiting.js';
import type { Manner } from './payment-provider.js';

const READY_WITHIN_MS = 30_000;
const ENDED_WITHIN_MS = 60_000;
/** Longer than the run. */
const LONG_MS = 600_000;
const SHORT_MS = 2_000;

/** The orders of a run by their price, which tells the provider what to do, and tells them apart. */
export const MANNERS: ReadonlyMap<number, Manner> = new Map<number, Manner>([
  ...[1_000, 1_100, 1_200, 1_300].map((cents) => [cents, 'at once'] as const),
  ...[2_000, 2_100, 2_200].map((cents) => [cents, 'later'] as const),
  ...[3_000, 3_100].map((cents) => [cents, 'refused'] as const),
  [4_000, 'never'],
  [5_000, 'silent'],
]);

/** How an order ends whose payment goes like this. */
const ENDS: Readonly<Record<Manner, string>> = {
  'at once': 'paid',
  later: 'paid',
  silent: 'paid',
  refused: 'refused',
  never: 'given up',
};

/**
 * Orders and their payments: a saga and its calls. The process is killed while a payment is at the provider, which
 * has taken the money and not answered. Another process goes on.
 */
export async function playOrders(stage: Stage, checks: Checks): Promise<void> {
  heading('Orders and their payments');
  const { ledger, payments, signal } = stage;
  const terms = [...MANNERS].map(([cents, manner]) => ({
    cents,
    payWithinMs: manner === 'never' ? SHORT_MS : LONG_MS,
  }));
  const first = await begin(stage);
  const ids = await place(first, terms);
  await unlessStopped(payments.silence, signal);
  first.kill('SIGKILL');
  await exited(first);
  done(`${ids.length} orders placed; process ${first.pid} killed while it waited for a payment`);

  const killedAt = performance.now();
  const second = await begin(stage);
  const haveEnded = await waitUntil(async () => (await ledger.openOrders(ids)) === 0, {
    everyMs: 50,
    withinMs: ENDED_WITHIN_MS,
    signal,
  });
  const took = performance.now() - killedAt;
  if (haveEnded) done('Another process has ended all of them', took);
  else failed(`Some orders have not ended after ${seconds(took)}`);
  second.disconnect();
  await exited(second);
  await checkOrders(stage, checks, ids);
}

async function checkOrders({ ledger, payments }: Stage, checks: Checks, ids: string[]): Promise<void> {
  const orders = await ledger.orders(ids);
  const as = (status: string) => orders.filter((order) => order.status === status).length;
  line(`paid ${as('paid')}, refused ${as('refused')}, given up ${as('given up')}`);
  const wrong = orders.filter(({ cents, status }) => status !== ENDS[MANNERS.get(cents) ?? 'at once']);
  checks.equal('orders-ended', orders.length, MANNERS.size);
  checks.equal('orders-ended-wrongly', wrong.length, 0);
  checks.equal('payments-begun', ids.filter((id) => payments.begun.get(id) === 1).length, MANNERS.size);
  const released = orders.filter(({ status }) => status !== 'paid').length;
  checks.equal('orders-undone', await ledger.ordersUndone(ids), released);
  checks.equal('orders-with-two-ends', await ledger.ordersWithTwoEnds(ids), 0);
}

async function begin({ environment, closing }: Stage): Promise<ChildProcess> {
  // In a session of its own: Ctrl-C in the terminal reaches the demo alone, which then stops it.
  const child = fork(fileURLToPath(new URL('orders-process.js', import.meta.url)), {
    detached: true,
    env: { ...process.env, ...environment, PROCESS_ROLE: 'all' },
  });
  closing.add(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited(child);
  });
  await answerOf(child);
  return child;
}

async function place(child: ChildProcess, terms: OrderTerms[]): Promise<string[]> {
  const answer = answerOf(child);
  child.send(terms);
  return ((await answer) as { placed: string[] }).placed;
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const late = AbortSignal.timeout(READY_WITHIN_MS);
  const ended = exited(child).then(() => {
    throw new Error('The process of the orders ended too early.');
  });
  const [message] = await Promise.race([once(child, 'message', { signal: late }), ended]);
  return message;
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
