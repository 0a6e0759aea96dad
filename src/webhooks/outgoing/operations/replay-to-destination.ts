import type { KindOfOperation } from '../../../changes/operations/operation-kind.js';
import { OutgoingTargetStore } from '../../../lanes/outgoing-target.store.js';
import { checkNames, checkTime, invalidArgument } from '../../../words/argument-checks.js';
import { WebhookDeliveryStore } from '../destinations/delivery.store.js';
import { DestinationStore } from '../destinations/destination.store.js';
import { CatchUpStore } from '../routing/catch-up.store.js';
import { type EventRules, isFor, leavingOf, messageOf } from '../routing/leaving-events.js';
import { LogWindows, type WindowParts } from '../routing/log-window.js';
import type { Candidate, Pair, RoutingStore } from '../routing/routing.store.js';
import {
  checkDestination,
  DELIVERY_VERDICT,
  type DeadDeliveries,
  refuseStops,
} from './redrive-deliveries.js';

/** Events of a time, for one destination. */
export interface ReplayedEvents extends DeadDeliveries {
  readonly since: Date;
  readonly until: Date;
  /** As a destination has them. The default is what the destination asks for. */
  readonly types?: readonly string[] | undefined;
}

declare module '../../../changes/operations/operation.js' {
  interface AddedOperationKinds {
    'webhooks.replay': ReplayedEvents;
  }
}

export interface ReplayParts extends EventRules, WindowParts {
  readonly store: RoutingStore;
}

export const MOST_COUNTED = 100_000;

/**
 * Delivers events of the log to a destination again, also those that it has not got. A delivery that is there
 * is sent again, unless it is pending. It needs the contracts of the application, so only an application with
 * the option `outgoing` has this kind.
 */
export function replayToDestination(parts: ReplayParts): KindOfOperation<ReplayedEvents> {
  return {
    name: 'webhooks.replay',
    ...DELIVERY_VERDICT,
    check(request) {
      const { filter } = request;
      checkReplay(filter);
      refuseStops(request);
      for (const type of filter.types ?? []) parts.events().check(type);
    },
    async plan(db, { filter, maxEvents }) {
      const destinations = new DestinationStore(db);
      const destination = await destinations.find(filter.tenantId, filter.destinationId);
      if (destination === undefined)
        throw invalidArgument(`There is no destination ${filter.destinationId} of this tenant`, {
          field: 'filter',
        });
      const from = await destinations.positionAt(db, new Date(filter.since));
      const to = await destinations.positionAt(db, new Date(filter.until));
      const names = parts.events().namesFor(filter.types ?? destination.eventTypes);
      const most = Math.min(maxEvents ?? MOST_COUNTED, MOST_COUNTED);
      const tenantId = parts.tenantOf === undefined ? filter.tenantId : undefined;
      const events = await new CatchUpStore(db).countEvents({ from, to, names, tenantId }, most);
      return { events, isAtLeast: events === MOST_COUNTED, parts: [] };
    },
    choose: choosing(parts),
  };
}

/** @throws IntegrationError INTEGRATION_ADMIN_INVALID */
export function checkReplay(filter: ReplayedEvents): void {
  checkNames('a field of the filter', filter, ['tenantId', 'destinationId', 'since', 'until', 'types']);
  checkDestination(filter);
  if (filter.since === undefined || filter.until === undefined)
    throw invalidArgument('The filter needs since and until', { field: 'filter' });
  checkTime('filter.since', new Date(filter.since));
  checkTime('filter.until', new Date(filter.until));
}

/** Chooses the next window of the log, behind what was changed before. */
function choosing(parts: ReplayParts): KindOfOperation<ReplayedEvents>['choose'] {
  return async ({ db, session }, { id, filter }, most, after) => {
    const { tenantId, destinationId } = filter;
    const nothing = { last: undefined, change: async () => 0 };
    const destinations = new DestinationStore(db);
    const destination = await destinations.lock(session, tenantId, destinationId);
    if (destination === undefined) return nothing;
    await new OutgoingTargetStore(db).lock(session, 'webhook', [destinationId]);
    const from =
      after === undefined
        ? await destinations.positionAt(session, new Date(filter.since))
        : after.position + 1;
    const end = (await destinations.positionAt(session, new Date(filter.until))) - 1;
    if (from > end) return nothing;
    const candidate: Candidate = {
      ...destination,
      eventTypes: filter.types ?? destination.eventTypes,
      isBehind: destination.behindFrom !== null,
      isFiltering: destination.filter !== null,
    };
    const windows = new LogWindows(parts, new CatchUpStore(db));
    const { events, next, unknown } = await windows.read(session, candidate.eventTypes, {
      from,
      end,
      rows: most,
    });
    if (unknown !== undefined)
      throw invalidArgument(
        `${unknown.eventName} at position ${unknown.position} is public in another release, or has a newer version: replay it there`,
      );
    const pairs = pairsOf(events, candidate, parts);
    const isLast = next > end;
    return {
      last: isLast ? undefined : { position: next - 1, id: destinationId },
      async change(within) {
        const wanted = candidate.isFiltering ? await parts.store.passing(within, pairs) : pairs;
        // First, so that a delivery is sent too that was dead because its body could not be made.
        await parts.store.keepMessages(within, wanted);
        const positions = wanted.map(({ message }) => message.position);
        const again = await new WebhookDeliveryStore(db).redrive(within, filter, positions, id);
        return again + (await parts.store.write(within, wanted, id));
      },
    };
  };
}

/**
 * What a function of a contract fails for fails the operation, which says so and has changed what came
 * before.
 */
function pairsOf(events: Parameters<typeof leavingOf>[0], candidate: Candidate, rules: EventRules): Pair[] {
  const { leaving, failed } = leavingOf(events, rules);
  const [first] = failed;
  if (first !== undefined) throw first.error;
  return leaving
    .filter((each) => isFor(each, candidate))
    .map((each) => ({ destinationId: candidate.id, message: messageOf(each, rules) }));
}
