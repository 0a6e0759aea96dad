import type { KindOfOperation } from '../../../changes/operations/operation-kind.js';
import { invalidArgument } from '../../../words/argument-checks.js';
import { DestinationStore } from '../destinations/destination.store.js';
import { CatchUpStore } from '../routing/catch-up.store.js';
import { DELIVERY_VERDICT, refuseStops } from './redrive-deliveries.js';
import { checkReplay, MOST_COUNTED, type ReplayedEvents } from './replay-to-destination.js';

/**
 * The same kind for a command, which plans and starts, and knows neither contracts nor `tenantOf`. It counts
 * the events of the time that are public, of all tenants and types, so the operation sends at most so many.
 */
export const replayWithoutContracts: KindOfOperation<ReplayedEvents> = {
  name: 'webhooks.replay',
  ...DELIVERY_VERDICT,
  check(request) {
    checkReplay(request.filter);
    refuseStops(request);
  },
  async plan(db, { filter, maxEvents }) {
    const destinations = new DestinationStore(db);
    const store = new CatchUpStore(db);
    const from = await destinations.positionAt(db, new Date(filter.since));
    const to = await destinations.positionAt(db, new Date(filter.until));
    const names = await store.otherPublicNames(db, []);
    const most = Math.min(maxEvents ?? MOST_COUNTED, MOST_COUNTED);
    const events = await store.countEvents({ from, to, names, tenantId: undefined }, most);
    return { events, isAtLeast: events === MOST_COUNTED, parts: [] };
  },
  async choose() {
    throw invalidArgument('Only an application with the option outgoing of WebhooksModule replays events');
  },
};
