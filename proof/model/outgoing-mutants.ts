/** Known wrong turns of what leaves the application, as those in `mutants.ts`. */
import type { LanesRules, LanesSetup } from './lanes-rules.js';
import type { RoutingRules, RoutingSetup } from './routing-rules.js';

export interface LanesMutant {
  readonly part: 'lanes';
  readonly name: string;
  readonly rules: Partial<LanesRules>;
  readonly setup: LanesSetup;
}

export interface RoutingMutant {
  readonly part: 'routing';
  readonly name: string;
  readonly rules: Partial<RoutingRules>;
  readonly setup: RoutingSetup;
}

export function lanesSetup(items: LanesSetup['items'], more: Partial<LanesSetup> = {}): LanesSetup {
  return { items, places: 3, tokens: 2, faults: true, retries: false, holds: false, ordered: false, ...more };
}

export function routingSetup(events: RoutingSetup['events'], more: Partial<RoutingSetup> = {}): RoutingSetup {
  return { events, ordered: false, created: false, pauses: 1, window: 3, routers: 1, ...more };
}

const handOver = lanesSetup(1, { faults: false });

export const lanesMutants: readonly LanesMutant[] = [
  {
    part: 'lanes',
    name: 'readiness locks only what is null or later',
    rules: { readinessLocks: 'where null or later' },
    setup: lanesSetup(2),
  },
  {
    part: 'lanes',
    name: 'what is due next in the statement of the lock',
    rules: { nextDue: 'in the statement of the lock' },
    setup: lanesSetup(2),
  },
  {
    part: 'lanes',
    name: 'what is due next leaves out what is in flight',
    rules: { nextDueCountsInFlight: false },
    setup: lanesSetup(2),
  },
  {
    part: 'lanes',
    name: 'a target without a free place is taken off the list',
    rules: { fullTarget: 'is taken off' },
    setup: lanesSetup(2, { places: 1 }),
  },
  { part: 'lanes', name: 'saves of lanes without a fence', rules: { fence: 'none' }, setup: lanesSetup(1) },
  {
    part: 'lanes',
    name: 'a fence of lanes that does not hold the lease',
    rules: { fence: 'looks at the token' },
    setup: lanesSetup(1),
  },
  { part: 'lanes', name: 'a lane given back in flight', rules: { handsOverIdle: false }, setup: handOver },
  {
    part: 'lanes',
    name: 'a saved item leaves beside a look',
    rules: { savedLeave: 'at once' },
    setup: lanesSetup(1, { faults: false, tokens: 1 }),
  },
  {
    part: 'lanes',
    name: 'a look that finds nothing leaves the time as it is',
    rules: { correctsReady: false },
    setup: lanesSetup(1, { holds: true }),
  },
  {
    part: 'lanes',
    name: 'a resume that makes nothing ready',
    rules: { releaseMakesReady: false },
    setup: lanesSetup(1, { holds: true }),
  },
  {
    part: 'lanes',
    name: 'who waits in an order decided before the lock',
    rules: { waitingDecided: 'before the lock' },
    setup: lanesSetup(2, { ordered: true }),
  },
  {
    part: 'lanes',
    name: 'an end that releases nobody of its order',
    rules: { endReleasesNext: false },
    setup: lanesSetup(2, { ordered: true }),
  },
];

export const routingMutants: readonly RoutingMutant[] = [
  {
    part: 'routing',
    name: 'a pause notes the position',
    rules: { behindFrom: 'the pause, at the head of the log' },
    setup: routingSetup(2),
  },
  {
    part: 'routing',
    name: 'a router skips what it read without a lock',
    rules: { skipsUnderLock: false },
    setup: routingSetup(3),
  },
  {
    part: 'routing',
    name: 'the end of the catching up before it is set on',
    rules: { endRead: 'before that lock' },
    setup: routingSetup(2),
  },
  {
    part: 'routing',
    name: 'a past that ends in the inserting transaction',
    rules: { beginsPaused: false },
    setup: routingSetup(2, { created: true, pauses: 0 }),
  },
  {
    part: 'routing',
    name: 'the end of the log before the lock of an ordered one',
    rules: { headRead: 'before the lock' },
    setup: routingSetup(3, { ordered: true }),
  },
  {
    part: 'routing',
    name: 'an ordered one is routed while it is behind',
    rules: { orderWaits: false },
    setup: routingSetup(2, { ordered: true }),
  },
  {
    part: 'routing',
    name: 'the place of the catching up apart from its rows',
    rules: { placeIsSavedWithRows: false },
    setup: routingSetup(1),
  },
  {
    part: 'routing',
    name: 'rows without a key',
    rules: { uniqueRows: false },
    setup: routingSetup(1),
  },
  {
    part: 'routing',
    name: 'positions settled before their rows',
    rules: { settlesBehindCommit: false },
    setup: routingSetup(1, { pauses: 0 }),
  },
];
