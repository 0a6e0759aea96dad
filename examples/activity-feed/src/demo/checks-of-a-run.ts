import { Checks } from './checks.js';
import { checkRelays } from './checks-of-relays.js';
import { checkWebhooks } from './checks-of-webhooks.js';
import type { Redriven } from './dead-letter.js';
import type { Performance } from './play.js';
import type { Activity } from './receiver.js';
import type { Resumed } from './resume.js';
import type { SendTimes } from './sender.js';
import { consumersAtWork, type Stage } from './stage.js';

const UNDER_A_MINUTE = 60;

export interface Outcome extends Performance {
  redriven: Redriven | undefined;
  resumed: Resumed | undefined;
}

/** Compares what there is, in the tables and at the receiver, with what was sent. */
export async function checkRun(stage: Stage, outcome: Outcome): Promise<Checks> {
  const checks = new Checks();
  await checkDeliveries(checks, stage, outcome);
  await checkConsumers(checks, stage, outcome);
  await checkStatistics(checks, stage);
  await checkLinks(checks, stage);
  checkNotifications(checks, stage, outcome);
  await checkWebhooks(checks, stage, outcome.resumed);
  await checkRelays(checks, stage);
  if (stage.options.processes > 0) checkWorkers(checks, stage, outcome);
  // Since the process began.
  if (stage.options.repeat === 1) checks.atMost('seconds', performance.now() / 1000, UNDER_A_MINUTE);
  return checks;
}

async function checkDeliveries(
  checks: Checks,
  { deliveries, ledger }: Stage,
  outcome: Outcome,
): Promise<void> {
  const ids = deliveries.map(({ id }) => id);
  checks.equal('deliveries-accepted', outcome.accepted, deliveries.length);
  checks.equal('deliveries-with-one-event', await ledger.deliveriesWithEvent(ids), deliveries.length);
  checks.equal('events-published', await ledger.githubEvents(), deliveries.length);
  const recognised =
    outcome.redelivery.status === 200 && JSON.parse(outcome.redelivery.text).status === 'repeated';
  checks.equal('redelivery-recognised', recognised ? 1 : 0, 1);
  checks.equal('status-of-a-forged-delivery', outcome.forgery.status, 401);
}

async function checkConsumers(checks: Checks, stage: Stage, { redriven }: Outcome): Promise<void> {
  const { ledger, plan } = stage;
  const consumers = await ledger.consumers();
  const sum = (figure: 'waiting' | 'dead' | 'retried') =>
    consumers.reduce((all, consumer) => all + consumer[figure], 0);
  const forGood = [...plan.values()].filter(({ times }) => times === Number.POSITIVE_INFINITY).length;
  const forAWhile = plan.size - forGood;
  checks.equal('consumers-at-work', consumers.length, consumersAtWork(stage));
  checks.equal('events-waiting', sum('waiting'), 0);
  checks.equal('cursor-holes', await ledger.holes(), 0);
  checks.atLeast('events-retried', sum('retried'), forAWhile);
  checks.equal('dead-letters', sum('dead'), forGood - (redriven ? 1 : 0));
  checks.equal('dead-letter-redriven', redriven?.processed ? 1 : 0, 1);
}

async function checkStatistics(checks: Checks, { ledger, receiver }: Stage): Promise<void> {
  checks.equal('statistics-wrong', await ledger.wrongCounts(), 0);
  const added = [...receiver.digests.values()].flatMap(({ changes }) => changes);
  checks.equal(
    'statistics-in-digests',
    added.reduce((sum, change) => sum + change.added, 0),
    await ledger.counted(),
  );
  const numbers = [...receiver.digests.values()].map(({ number }) => number);
  checks.equal('digests-out-of-order', descents(numbers), 0);
}

async function checkLinks(checks: Checks, { ledger }: Stage): Promise<void> {
  const { expected, missing } = await ledger.missingLinks();
  checks.atLeast('links', await ledger.links(), expected);
  checks.equal('links-missing', missing, 0);
}

function checkNotifications(checks: Checks, stage: Stage, { redriven }: Outcome): void {
  const { deliveries, plan, receiver, sender } = stage;
  const accepted = new Set([...receiver.activities.values()].map(({ delivery }) => delivery));
  const due = deliveries.filter(
    ({ id }) => plan.get(id)?.times !== Number.POSITIVE_INFINITY || id === redriven?.deliveryId,
  );
  checks.equal('notifications-missing', due.filter(({ id }) => !accepted.has(id)).length, 0);
  checks.equal('notifications-accepted', receiver.activities.size, due.length);
  const inOrder = [...receiver.activities].filter(([id]) => id !== redriven?.eventId);
  checks.equal(
    'notifications-out-of-order',
    outOfOrder(
      inOrder.map(([, activity]) => activity),
      sender.times,
    ),
    0,
  );
}

function checkWorkers(checks: Checks, { workers }: Stage, { kill }: Outcome): void {
  checks.equal('workers-killed', kill?.signal === 'SIGKILL' ? 1 : 0, 1);
  checks.equal('workers-crashed', workers.crashes, 0);
}

/**
 * Activities that arrived after a later one about the same repository (account …). Of two deliveries that were sent at the same
 * time, none is the later one: their order is that of their commits, and positions are drawn before.
 */
function outOfOrder(activities: readonly Activity[], times: ReadonlyMap<string, SendTimes>): number {
  const isBefore = (one: Activity, other: Activity) =>
    (times.get(one.delivery)?.answeredAt ?? Infinity) < (times.get(other.delivery)?.sentAt ?? 0);
  const bySubject = new Map<string, Activity[]>();
  let late = 0;
  for (const activity of activities) {
    const earlier = bySubject.get(activity.subject) ?? [];
    if (earlier.some((other) => other.position >= activity.position && isBefore(activity, other))) late++;
    bySubject.set(activity.subject, [...earlier, activity]);
  }
  return late;
}

function descents(numbers: readonly number[]): number {
  return numbers.filter((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0)).length;
}
