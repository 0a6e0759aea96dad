/** The rules of routing as data: each is a decision of `webhooks/outgoing`, and each has a wrong turn that a mutant takes. */

export interface RoutingRules {
  /** Who notes where a destination that is off is behind. */
  readonly behindFrom: 'the router that skips' | 'the pause, at the head of the log';
  /** A router locks a destination that it is to skip, and reads again whether it is off. */
  readonly skipsUnderLock: boolean;
  /** When the end of the catching up is read. */
  readonly endRead: 'under the lock that sets it on' | 'before that lock';
  /** A destination with a past is committed paused, and set on by a second transaction. */
  readonly beginsPaused: boolean;
  /** When catching up reads the end of the log, for a destination with an order. */
  readonly headRead: 'under the lock' | 'before the lock';
  /** A destination with an order gets no rows of the router while it is behind. */
  readonly orderWaits: boolean;
  /** The place is written by the transaction that writes the rows of the window. */
  readonly placeIsSavedWithRows: boolean;
  /** A row is unique by its destination and its position. */
  readonly uniqueRows: boolean;
  /** Positions are settled when the rows and the skips are committed. */
  readonly settlesBehindCommit: boolean;
}

export const routingRules: RoutingRules = {
  behindFrom: 'the router that skips',
  skipsUnderLock: true,
  endRead: 'under the lock that sets it on',
  beginsPaused: true,
  headRead: 'under the lock',
  orderWaits: true,
  placeIsSavedWithRows: true,
  uniqueRows: true,
  settlesBehindCommit: true,
};

export interface RoutingSetup {
  /** Events of the log. Their positions are drawn in turn, and commit in any order. */
  readonly events: 1 | 2 | 3;
  /** The destination has an order, and the first two events are of one entity. */
  readonly ordered: boolean;
  /** The destination is created while events are published, with all of the past. Otherwise it is there from the beginning. */
  readonly created: boolean;
  /** How often it is paused and resumed. */
  readonly pauses: 0 | 1 | 2;
  /** Positions of one window of catching up. */
  readonly window: 1 | 3;
  /** Routers at one time: the second one is there because the first one stalled. */
  readonly routers: 1 | 2;
}
