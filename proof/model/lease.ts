/**
 * Leases: why a transactional handler's effect happens once, and why nothing is stuck.
 *
 * The claim, for the log lane. The effect commits together with an inbox row that only one transaction can
 * insert. The row goes away only in a save that settles the position under a token, so who finds no row either is
 * the first, or comes after such a save. If that was a later owner's save, the token has changed, and the look at
 * it comes after the row is inserted: whoever would delete that row must wait for this transaction to end. If it
 * was a save of the same owner, the attempt that comes late is one its own process has given up; it calls no
 * handler any more.
 *
 * For the retry lane. The row exists, and `processing` with this attempt's number becomes `processed` once. A claim
 * holds the cursor row while it looks at the token, so a takeover sees all claims of the old owner or forbids them,
 * and marks what they left behind.
 *
 * What is modelled: two owners and up to three tokens; every statement as one step, with a stall of any length between any
 * two; crash, lost connections and lost answers, server-side timeouts, failing handlers, deadlines that pass while
 * the transaction is open (`lease-run.ts`, `lease-owner.ts`). The rules are in `lease-rules.ts`, wrong turns in `mutants.ts`.
 *
 * Not modelled: batch handlers, replay and redrive, order per aggregate, the handling of suspects after repeated
 * crashes; more than two transactions left behind at a time.
 */
import type { Machine } from './explore.js';
import { ownerSteps } from './lease-owner.js';
import type { LeaseRules, LeaseSetup } from './lease-rules.js';
import { runSteps, straySteps } from './lease-run.js';
import {
  copyLeaseState,
  inboxRow,
  type LeaseState,
  outOfWork,
  Phase,
  PLAIN,
  Row,
  readLeaseState,
  Stage,
  stray,
  TRANSACTIONAL,
  work,
  writeLeaseState,
} from './lease-state.js';

export const TWICE = 'a transactional effect happens once';
export const NEVER = 'no event settled without its effect';
export const DEAD = 'a dead-lettered event had no effect';
export const REPEATED = 'a plain handler runs twice only after a fault';
export const WRONGED = "nobody's run is marked as interrupted while it has the lease";
export const PUT_OFF = 'an event that is only put off uses up no attempt';
export const ATTEMPTS = 'no more runs than attempts allowed';

export function leaseMachine(setup: LeaseSetup, rules: LeaseRules): Machine<LeaseState> {
  return {
    words: 4,
    start: () => start(setup),
    copy: copyLeaseState,
    write: writeLeaseState,
    read: readLeaseState,
    steps(state, moves) {
      const turn = { state, setup, rules, moves };
      for (const i of [0, 1] as const) {
        runSteps(turn, i);
        ownerSteps(turn, i);
      }
      straySteps(turn);
    },
    broken: (s) => broken(s, setup, rules),
    finished: (s) =>
      s.unread === 0 &&
      s.strays.every((left) => left.present === 0) &&
      s.rows.every((row) => row.status !== Row.failed && row.status !== Row.processing) &&
      s.owners.every((o) => o.token !== s.token || o.work.every((w) => w.phase === Phase.none)),
  };
}

function start(setup: LeaseSetup): LeaseState {
  const owner = outOfWork();
  owner.stage = Stage.active;
  owner.token = 1;
  if (setup.transactional) owner.work[TRANSACTIONAL] = work(Phase.unread);
  if (setup.plain) owner.work[PLAIN] = work(Phase.unread);
  return {
    token: 1,
    free: 0,
    unread: (setup.transactional ? 1 : 0) | (setup.plain ? 2 : 0),
    rows: [inboxRow(Row.none, 0), inboxRow(Row.none, 0)],
    owners: [owner, outOfWork()],
    strays: [stray(), stray()],
    effects: [0, 0],
    spent: [0, 0],
    wronged: 0,
  };
}

function broken(s: LeaseState, setup: LeaseSetup, rules: LeaseRules): string | undefined {
  if (s.effects[TRANSACTIONAL] > 1) return TWICE;
  if (setup.transactional && isSettled(s, TRANSACTIONAL) && s.effects[TRANSACTIONAL] === 0) return NEVER;
  if (setup.plain && isSettled(s, PLAIN) && s.effects[PLAIN] === 0) return NEVER;
  if (s.rows[TRANSACTIONAL].status === Row.dead && s.effects[TRANSACTIONAL] > 0) return DEAD;
  if (!setup.faults && s.effects[PLAIN] > 1) return REPEATED;
  if (!setup.faults && s.rows.some((row) => row.status === Row.dead)) return PUT_OFF;
  if (s.spent.some((n) => n > mostRetries(setup, rules))) return ATTEMPTS;
  return s.wronged === 1 ? WRONGED : undefined;
}

/**
 * The first run is no retry, unless it was put off and did not count. An attempt that is given back is followed by one that counts.
 */
function mostRetries({ maxAttempts, postpones }: LeaseSetup, rules: LeaseRules): number {
  const counted = postpones ? maxAttempts : maxAttempts - 1;
  return rules.interrupted === 'stays counted' ? counted : 2 * counted + 1;
}

function isSettled(s: LeaseState, event: 0 | 1): boolean {
  const { status } = s.rows[event];
  return (s.unread & (1 << event)) === 0 && (status === Row.none || status === Row.processed);
}
