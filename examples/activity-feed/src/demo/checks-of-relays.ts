import { relayedEvents } from './broker.js';
import type { Checks } from './checks.js';
import type { Stage } from './stage.js';

/** Compares the stream of the broker with the log: it has accepted each activity, and has it once. */
export async function checkRelays(checks: Checks, { broker, ledger }: Stage): Promise<void> {
  if (broker === undefined) return;
  const times = await relayedEvents(broker);
  const recorded = (await ledger.publicEvents()).filter(({ type }) => type === 'activity.recorded');
  checks.equal('relayed-missing', recorded.filter(({ id }) => !times.has(id)).length, 0);
  checks.equal('relayed-twice', recorded.filter(({ id }) => (times.get(id) ?? 0) > 1).length, 0);
}
