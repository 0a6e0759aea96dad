/**
 * Routing: why each event comes to each destination once, however often that is off.
 *
 * The claim. A router that skips a destination holds its row, and so does whoever sets it on. So one of them comes
 * first: what was skipped is in `behind_from` when it is set on, and committed before the end of the catching up
 * is read; or the router sees that it is on, and writes the row. An event that no router has read yet is read by
 * one later. What the router and the catching up both see is one row, by its key.
 *
 * A pause notes no position, because an event below the head may commit later. A new destination with a past is
 * committed before the end of its past is read, because a router under way does not see it before.
 *
 * A destination with an order is skipped until it has caught up to the end of the log. The transaction that finds
 * that end holds the row, so a router is before it, or writes behind it.
 *
 * What is modelled: up to three events whose positions are drawn in turn and commit in any order, one destination,
 * two routers of which one has stalled, pauses, the creation with a past, catching up window by window; each
 * statement as one step, with deaths between any two. The rules are in `routing-rules.ts`, wrong turns in
 * `outgoing-mutants.ts`.
 *
 * Not modelled: filters and types, retention, events that another release alone knows, removing.
 */
import type { Machine } from './explore.js';
import { catchUpSteps, changeSteps } from './routing-destination.js';
import { publishSteps, routerSteps } from './routing-router.js';
import type { RoutingRules, RoutingSetup } from './routing-rules.js';
import {
  Aim,
  Catching,
  committedOf,
  copyRoutingState,
  firstRoutingState,
  NOWHERE,
  Routing,
  type RoutingState,
  readRoutingState,
  Status,
  writeRoutingState,
} from './routing-state.js';

export const MISSED = 'each event comes to the destination';
export const TWICE = 'one row for each event';
export const ORDER = 'rows in the order of the entity';

export function routingMachine(setup: RoutingSetup, rules: RoutingRules): Machine<RoutingState> {
  return {
    words: 3,
    start: () =>
      firstRoutingState(setup.events, setup.created ? Status.missing : Status.active, setup.pauses),
    copy: copyRoutingState,
    write: writeRoutingState,
    read: (bits) => readRoutingState(bits, setup.events),
    steps(state, moves) {
      const turn = { state, setup, rules, moves };
      publishSteps(turn);
      routerSteps(turn, 0);
      if (setup.routers === 2) routerSteps(turn, 1);
      changeSteps(turn);
      catchUpSteps(turn);
    },
    broken(s) {
      if (s.doubled === 1) return TWICE;
      if (s.disordered === 1) return ORDER;
      return isMissed(s) ? MISSED : undefined;
    },
    finished: (s) =>
      s.status === Status.active &&
      s.behind === NOWHERE &&
      s.rows === (1 << setup.events) - 1 &&
      s.settled === s.rows &&
      s.aim === Aim.none &&
      s.catching === Catching.none &&
      s.routers.every(({ stage }) => stage === Routing.none),
  };
}

/** An event is settled, and neither a row nor the place of the destination says that it is to come. */
function isMissed(s: RoutingState): boolean {
  if (s.status === Status.missing) return false;
  const toCome = s.behind === NOWHERE ? 0 : ~((1 << s.behind) - 1);
  return (committedOf(s) & s.settled & ~s.rows & ~toCome) !== 0;
}
