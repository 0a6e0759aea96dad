import type { Checks } from './checks.js';
import { type Destination, isAccepted } from './destinations.js';
import type { PublicEvent } from './ledger.store.js';
import type { Resumed } from './resume.js';
import type { Stage } from './stage.js';

/** Compares the journals of the receivers of webhooks with the log. */
export async function checkWebhooks(
  checks: Checks,
  { ledger, deliveries, destinations }: Stage,
  resumed: Resumed | undefined,
): Promise<void> {
  const events = await ledger.publicEvents();
  const recorded = events.filter(({ type }) => type === 'activity.recorded');
  checks.equal('activities-recorded', recorded.length, deliveries.length);
  checks.equal('webhooks-dead', await ledger.deadWebhooks(destinations.map(({ id }) => id)), 0);
  checks.equal('webhooks-while-paused', resumed?.requestsBefore ?? -1, 0);
  checks.equal('webhooks-caught-up', resumed?.isCaughtUp ? 1 : 0, 1);
  for (const destination of destinations) checkJournal(checks, destination, events);
}

function checkJournal(
  checks: Checks,
  { name, receiver: { requests }, eventTypes, isInOrder, refusals }: Destination,
  events: readonly PublicEvent[],
): void {
  const check = (what: string, value: number, expected = 0) =>
    checks.equal(`webhooks-to-${name}-${what}`, value, expected);
  const wanted = events.filter(({ type }) => eventTypes.some((asked) => isOfType(type, asked)));
  const ids = new Set(wanted.map(({ id }) => id));
  const accepted = new Set(requests.filter(isAccepted).map(({ id }) => id));
  check('refused', requests.filter((request) => !isAccepted(request)).length, refusals);
  check('missing', wanted.filter(({ id }) => !accepted.has(id)).length);
  check('not-asked-for', requests.filter(({ id }) => !ids.has(id)).length);
  check('not-verified', requests.filter(({ isVerified }) => !isVerified).length);
  // A repetition has the id of the first attempt, and so the same event in it.
  check('changed', new Set(requests.map(({ id, body }) => `${id} ${body}`)).size - ids.size);
  if (isInOrder) check('out-of-order', outOfOrder(wanted, requests));
}

function isOfType(type: string, asked: string): boolean {
  return asked.endsWith('*') ? type.startsWith(asked.slice(0, -1)) : type === asked;
}

/** Events that came before an earlier one of the same repository (account …) had been accepted. */
function outOfOrder(wanted: readonly PublicEvent[], requests: Destination['receiver']['requests']): number {
  const firstCame = new Map<string, number>();
  const firstAccepted = new Map<string, number>();
  for (const [place, request] of requests.entries()) {
    if (!firstCame.has(request.id)) firstCame.set(request.id, place);
    if (isAccepted(request) && !firstAccepted.has(request.id)) firstAccepted.set(request.id, place);
  }
  const before = new Map<string, string>();
  return wanted.filter(({ id, subject }) => {
    const earlier = before.get(subject);
    before.set(subject, id);
    return earlier !== undefined && !((firstCame.get(id) ?? 0) > (firstAccepted.get(earlier) ?? Infinity));
  }).length;
}
