import type { Bits } from './bits.js';

export const Status = { requested: 0, processing: 1, completed: 2, failed: 3 } as const;
export const MOST_ATTEMPTS = 2;

export const Phase = {
  idle: 0,
  /** It has read that the call is due. */
  read: 1,
  /** It has taken the call. */
  claimed: 2,
  mayStart: 3,
  /** The other system has the request. */
  sent: 4,
  /** It knows what to write. */
  answered: 5,
  rowLocked: 6,
  nameLocked: 7,
  /** It knows which reports wait. */
  looked: 8,
  /** Only in a mutant: the external id is committed, and what has waited is not. */
  adopting: 9,
} as const;

/** What a run of an owner is to write. */
export const Verdict = { none: 0, processing: 1, unknown: 2, failed: 3 } as const;

export interface Owner {
  phase: number;
  verdict: number;
  /** What it has read before it took the call. */
  seenToken: number;
  seenAttempt: number;
  isUnknown: number;
  /** Reports that waited when it looked: a bit for each. */
  waiting: number;
  /** Only in mutants: the call had ended when it looked. */
  sawEnd: number;
}

export const Report = { none: 0, nameLocked: 1, foundCall: 2, foundNone: 3, rowLocked: 4, done: 5 } as const;

export interface Reporter {
  phase: number;
  sawEnd: number;
}

export interface CallsState {
  status: number;
  isNamed: number;
  attempt: number;
  /** 0: nobody. 1 and 2: an owner. */
  token: number;
  isUnknown: number;
  /** 0: nobody. 1 and 2: an owner. 3 and 4: a report. */
  rowLock: number;
  nameLock: number;
  /** Reports that wait: a bit for each. */
  waiting: number;
  owners: [Owner, Owner];
  reporters: [Reporter, Reporter];

  // The other system.
  /** It has the call. It knows the key, so it does it once. */
  isTaken: number;

  // The onlooker.
  /** How often the request was sent, up to 3. */
  sends: number;
  /** How often the call has ended, up to 3. */
  ends: number;
}

export const idle = (): Owner => ({
  phase: Phase.idle,
  verdict: Verdict.none,
  seenToken: 0,
  seenAttempt: 0,
  isUnknown: 0,
  waiting: 0,
  sawEnd: 0,
});

export function firstCallsState(reports: 1 | 2): CallsState {
  return {
    status: Status.requested,
    isNamed: 0,
    attempt: 0,
    token: 0,
    isUnknown: 0,
    rowLock: 0,
    nameLock: 0,
    waiting: 0,
    owners: [idle(), idle()],
    reporters: [
      { phase: Report.none, sawEnd: 0 },
      { phase: reports === 2 ? Report.none : Report.done, sawEnd: 0 },
    ],
    isTaken: 0,
    sends: 0,
    ends: 0,
  };
}

export function copyCallsState(s: CallsState): CallsState {
  return {
    ...s,
    owners: [{ ...s.owners[0] }, { ...s.owners[1] }],
    reporters: [{ ...s.reporters[0] }, { ...s.reporters[1] }],
  };
}

export function writeCallsState(s: CallsState, bits: Bits): void {
  for (const owner of s.owners) for (const [width, field] of OWNER) bits.put(width, owner[field]);
  for (const { phase, sawEnd } of s.reporters) {
    bits.put(3, phase);
    bits.put(1, sawEnd);
  }
  for (const [width, field] of FIELDS) bits.put(width, s[field]);
}

export function readCallsState(bits: Bits): CallsState {
  const s = firstCallsState(1);
  for (const owner of s.owners) for (const [width, field] of OWNER) owner[field] = bits.take(width);
  for (const reporter of s.reporters) {
    reporter.phase = bits.take(3);
    reporter.sawEnd = bits.take(1);
  }
  for (const [width, field] of FIELDS) s[field] = bits.take(width);
  return s;
}

const OWNER: readonly (readonly [width: number, field: keyof Owner])[] = [
  [4, 'phase'],
  [2, 'verdict'],
  [2, 'seenToken'],
  [3, 'seenAttempt'],
  [1, 'isUnknown'],
  [2, 'waiting'],
  [1, 'sawEnd'],
];
const FIELDS: readonly (readonly [
  width: number,
  field: Exclude<keyof CallsState, 'owners' | 'reporters'>,
])[] = [
  [2, 'status'],
  [1, 'isNamed'],
  [3, 'attempt'],
  [2, 'token'],
  [1, 'isUnknown'],
  [3, 'rowLock'],
  [3, 'nameLock'],
  [2, 'waiting'],
  [1, 'isTaken'],
  [3, 'sends'],
  [2, 'ends'],
];
