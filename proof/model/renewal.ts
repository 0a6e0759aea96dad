/**
 * Renewal: why a healthy owner keeps its lease however often its saves hold the row, and why who waits for a frozen one
 * waits for a limited time.
 *
 * The claim. A save of a cursor renews the lease with its commit, so the row says that the owner lives, also where renewals always find
 * the row held. A fence of a named lease lets renewals pass, and a taking not. The owner believes what a beat has
 * read or written, counted from when the beat was sent. So it never believes in more than is stored, and when
 * another process takes the lease, it has begun nothing since the end of the lease. A save that is under way then has the row, and the
 * taking comes after it, or finds that the server has ended it.
 *
 * What is modelled: one owner with two saves at a time, one other process that takes the lease as soon as it may, and time: a lease
 * lasts for six ticks, and an owner that is not frozen beats once a tick and commits within one. The owner may freeze once, anywhere, and
 * may wake. The rules are in `renewal-rules.ts`, wrong turns in `mutants.ts`.
 *
 * Not modelled: what a save writes (`lease.ts` has that), giving back, asking for leases, a change of the lease's length.
 */
import type { Bits } from './bits.js';
import type { Machine, Moves } from './explore.js';
import type { RenewalRules, RenewalSetup } from './renewal-rules.js';

export const HEALTHY = 'an owner that was never frozen keeps its lease';
export const ONE_AT_WORK = 'when the lease is taken, its former owner begins nothing more';
export const SAVED_AFTER = 'nothing is saved after the lease was taken';
export const LIMITED = 'who waits for a frozen owner waits for a limited time';

/** How long a lease lasts, and how long the transaction of a save may be idle. */
const TICKS = 6;
/** The end of the lease, the idle time of a save, and a tick for the taking. */
const LONGEST_WAIT = TICKS + 1;

const Save = { none: 0, waiting: 1, holding: 2 } as const;

interface SaveState {
  phase: number;
  /** Ticks since it has the row. */
  age: number;
}

export interface RenewalState {
  /** Ticks until the stored lease runs out. */
  left: number;
  /** For how many ticks the owner may begin something, as far as it knows. */
  believed: number;
  taken: number;
  frozen: number;
  everFrozen: number;
  /** The owner has beaten in this tick. */
  hasBeaten: number;
  saves: [SaveState, SaveState];
  /** Ticks for which the other process has waited for a lease that has run out. */
  waited: number;
  savedAfter: number;
}

const both = [0, 1] as const;

export function renewalMachine(setup: RenewalSetup, rules: RenewalRules): Machine<RenewalState> {
  return {
    words: 1,
    start: () => ({
      left: TICKS,
      believed: TICKS,
      taken: 0,
      frozen: 0,
      everFrozen: 0,
      hasBeaten: 0,
      saves: [
        { phase: Save.none, age: 0 },
        { phase: Save.none, age: 0 },
      ],
      waited: 0,
      savedAfter: 0,
    }),
    copy: (s) => ({ ...s, saves: [{ ...s.saves[0] }, { ...s.saves[1] }] }),
    write,
    read,
    steps(state, moves) {
      const turn = { state, setup, rules, moves };
      for (const i of both) saveSteps(turn, i);
      beatStep(turn);
      takeStep(turn);
      freezeSteps(turn);
      tickStep(turn);
    },
    broken,
    finished: (s) => s.taken === 1 || s.frozen === 0,
  };
}

function broken(s: RenewalState): string | undefined {
  if (s.everFrozen === 0 && (s.taken === 1 || s.believed === 0)) return HEALTHY;
  if (s.taken === 1 && s.believed > 0) return ONE_AT_WORK;
  if (s.savedAfter === 1) return SAVED_AFTER;
  return s.waited > LONGEST_WAIT ? LIMITED : undefined;
}

interface Turn {
  readonly state: RenewalState;
  readonly setup: RenewalSetup;
  readonly rules: RenewalRules;
  readonly moves: Moves<RenewalState>;
}

const name = (i: 0 | 1): string => `save ${i + 1}`;
const isHeld = ({ saves }: RenewalState): boolean => saves.some(({ phase }) => phase === Save.holding);

/** Saves of a cursor change its row, one after the other. Fences share a lock. */
function saveSteps({ state, setup, rules, moves }: Turn, i: 0 | 1): void {
  const { phase, age } = state.saves[i];
  if (state.frozen === 1) return;
  if (phase === Save.none && state.believed > 0)
    moves.step(
      () => `${name(i)} asks for the row`,
      (next) => {
        next.saves[i] = { phase: Save.waiting, age: 0 };
      },
    );
  if (phase === Save.waiting && !(setup.lease === 'of a cursor' && isHeld(state)))
    moves.step(
      () => `${name(i)} ${state.taken ? 'finds another token, and ends' : 'has the row, with its token'}`,
      (next) => {
        next.saves[i] = { phase: state.taken ? Save.none : Save.holding, age: 0 };
      },
    );
  if (phase === Save.holding)
    moves.step(
      () => `${name(i)} commits`,
      (next) => {
        next.saves[i] = { phase: Save.none, age: 0 };
        if (state.taken === 1) next.savedAfter = 1;
        else if (setup.lease === 'of a cursor' && rules.savesRenew)
          next.left = Math.max(next.left, TICKS - age);
        if (rules.ownerLearns === 'from the answers of its saves') next.believed = TICKS;
      },
    );
}

function beatStep({ state, setup, rules, moves }: Turn): void {
  if (state.frozen === 1 || state.hasBeaten === 1) return;
  const passes = setup.lease === 'of a name' && rules.fence !== 'for share';
  const renews = state.taken === 0 && (passes || !isHeld(state));
  const what = state.taken ? 'sees another token' : renews ? 'renews the lease' : 'finds the row held';
  moves.step(
    () => `the owner's beat ${what}`,
    (next) => {
      next.hasBeaten = 1;
      if (state.taken === 1) next.believed = 0;
      else if (renews) {
        next.left = TICKS;
        next.believed = TICKS;
      } else if (rules.ownerLearns !== 'from renewals alone')
        next.believed = Math.max(next.believed, next.left);
    },
  );
}

function mayBeTaken(state: RenewalState, setup: RenewalSetup, rules: RenewalRules): boolean {
  if (state.taken === 1 || state.left > 0) return false;
  const isFenced =
    setup.lease === 'of a cursor' ||
    (rules.fence !== 'no lock' && rules.takingChangesKey) ||
    rules.fence === 'for share';
  return !(isFenced && isHeld(state));
}

function takeStep({ state, setup, rules, moves }: Turn): void {
  if (!mayBeTaken(state, setup, rules)) return;
  moves.step(
    () => 'the lease has run out, and the other process takes it',
    (next) => {
      next.taken = 1;
      next.waited = 0;
    },
  );
}

function freezeSteps({ state, rules, moves }: Turn): void {
  if (state.everFrozen === 0)
    moves.fault(
      () => 'the owner is frozen',
      (next) => {
        next.frozen = 1;
        next.everFrozen = 1;
      },
    );
  if (state.frozen === 0) return;
  moves.fault(
    () => 'the owner wakes',
    (next) => {
      next.frozen = 0;
    },
  );
  for (const i of both)
    if (rules.idleLimit && isTooOld(state, i))
      moves.step(
        () => `the server ends ${name(i)}, which was idle for too long`,
        (next) => {
          next.saves[i] = { phase: Save.none, age: 0 };
        },
      );
}

function isTooOld({ saves }: RenewalState, i: 0 | 1): boolean {
  return saves[i].phase === Save.holding && saves[i].age >= TICKS;
}

/** Time passes when everybody who is prompt has done what is due: the owner, the server, and who waits for the lease. */
function tickStep({ state, setup, rules, moves }: Turn): void {
  if (mayBeTaken(state, setup, rules)) return;
  if (state.frozen === 1 ? rules.idleLimit && both.some((i) => isTooOld(state, i)) : isBehind(state)) return;
  moves.step(
    () => 'a sixth of the lease passes',
    (next) => {
      next.hasBeaten = 0;
      if (next.left === 0 && next.taken === 0) next.waited = Math.min(LONGEST_WAIT + 1, next.waited + 1);
      next.left = Math.max(0, next.left - 1);
      next.believed = Math.max(0, next.believed - 1);
      for (const save of next.saves)
        if (save.phase === Save.holding) save.age = Math.min(TICKS, save.age + 1);
    },
  );
}

function isBehind({ hasBeaten, saves }: RenewalState): boolean {
  return hasBeaten === 0 || saves.some(({ phase, age }) => phase === Save.holding && age > 0);
}

function write(s: RenewalState, bits: Bits): void {
  for (const flag of [s.taken, s.frozen, s.everFrozen, s.hasBeaten, s.savedAfter]) bits.put(1, flag);
  bits.put(3, s.left);
  bits.put(3, s.believed);
  bits.put(4, s.waited);
  for (const { phase, age } of s.saves) {
    bits.put(2, phase);
    bits.put(3, age);
  }
}

function read(bits: Bits): RenewalState {
  const [taken, frozen, everFrozen, hasBeaten, savedAfter] = [
    bits.take(1),
    bits.take(1),
    bits.take(1),
    bits.take(1),
    bits.take(1),
  ];
  const [left, believed, waited] = [bits.take(3), bits.take(3), bits.take(4)];
  const save = (): SaveState => ({ phase: bits.take(2), age: bits.take(3) });
  return {
    left,
    believed,
    taken,
    frozen,
    everFrozen,
    hasBeaten,
    saves: [save(), save()],
    waited,
    savedAfter,
  };
}
