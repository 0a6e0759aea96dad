/**
 * Every known wrong turn, as the one rule it changes, in the smallest setup that shows it. A mutant that is not
 * caught means that the model no longer sees what it was written to see.
 */
import type { LeaseRules, LeaseSetup } from './lease-rules.js';
import type { LogRules, LogSetup, WriterSetup } from './log-rules.js';
import type { RenewalRules, RenewalSetup } from './renewal-rules.js';

export interface LogMutant {
  readonly part: 'log';
  readonly name: string;
  readonly rules: Partial<LogRules>;
  readonly setup: LogSetup;
}

export interface LeaseMutant {
  readonly part: 'lease';
  readonly name: string;
  readonly rules: Partial<LeaseRules>;
  readonly setup: LeaseSetup;
}

/** A writer of up to `events` events; flags: k shares the key, s may roll back to a savepoint, p may prepare. */
export function writer(events: number, flags = '', session: 0 | 1 = 0): WriterSetup {
  return {
    events,
    keyed: flags.includes('k'),
    savepoint: flags.includes('s'),
    prepares: flags.includes('p'),
    session,
  };
}

export function logSetup(
  page: number,
  writers: readonly WriterSetup[],
  more: Partial<LogSetup> = {},
): LogSetup {
  const usual = { crashes: true, failover: false, otherReader: false, postpones: false };
  return { writers, page, ...usual, ...more };
}

const two = [writer(1), writer(1)];
const three = [writer(1), writer(1), writer(1)];
const four = [writer(1), writer(1), writer(2)];
const twoOfKey = [writer(1, 'k'), writer(1, 'k')];
const keyed = [writer(1, 'k'), writer(1, 'k'), writer(1)];

export const logMutants: readonly LogMutant[] = [
  {
    part: 'log',
    name: 'sweep without waiting for the holders',
    rules: { waitsForHolders: false },
    setup: logSetup(2, two),
  },
  {
    part: 'log',
    name: 'upto noted after the holders are read',
    rules: { upto: 'own, after the holders are read' },
    setup: logSetup(2, four, { crashes: false }),
  },
  {
    part: 'log',
    name: "upto is another consumer's position at settling",
    rules: { upto: "another consumer's, when the holes are settled" },
    setup: logSetup(2, four, { crashes: false, otherReader: true }),
  },
  { part: 'log', name: 'no re-read', rules: { rereads: false }, setup: logSetup(2, two) },
  {
    part: 'log',
    name: 'a page already under way counts as the re-read',
    rules: { rereadStartsAfterHolders: false },
    setup: logSetup(2, two),
  },
  {
    part: 'log',
    name: 're-read cut short, all holes settled',
    rules: { cutLimitsSettling: false },
    setup: logSetup(1, [writer(2), writer(1)]),
  },
  {
    part: 'log',
    name: 'holes read apart from the tail',
    rules: { oneSnapshot: false },
    setup: logSetup(5, keyed),
  },
  {
    part: 'log',
    name: 'sequence cache of 2',
    rules: { sequenceCache: 2 },
    setup: logSetup(2, [writer(1, '', 0), writer(1, '', 1), writer(1, '', 0)]),
  },
  {
    part: 'log',
    name: 'position drawn before the lock is taken',
    rules: { locksBeforeDrawing: false },
    setup: logSetup(2, two),
  },
  {
    part: 'log',
    name: 'prepared transactions not waited for',
    rules: { waitsForPrepared: 'none' },
    setup: logSetup(2, [writer(1, 'p'), writer(1)]),
  },
  {
    part: 'log',
    name: 'prepared transactions noted before the sessions have gone',
    rules: { waitsForPrepared: 'those of the first look' },
    setup: logSetup(2, [writer(1, 'p'), writer(1)]),
  },
  {
    part: 'log',
    name: 'read position starts at zero after a reload',
    rules: { readPositionFromCursor: false },
    setup: logSetup(2, two),
  },
  {
    part: 'log',
    name: 'memory kept over a lost connection (failover)',
    rules: { dropsMemory: 'never' },
    setup: logSetup(2, two, { failover: true }),
  },
  {
    part: 'log',
    name: 'memory dropped some time after the failover',
    rules: { dropsMemory: 'some time later' },
    setup: logSetup(2, two, { failover: true }),
  },
  {
    part: 'log',
    name: 'later events of a key overtake one that is put off',
    rules: { laterOnesWait: false },
    setup: logSetup(2, twoOfKey, { crashes: false, postpones: true }),
  },
  {
    part: 'log',
    name: 'position settled, and its row written by a later save',
    rules: { rowIsSavedWithPosition: false },
    setup: logSetup(2, [writer(1)], { postpones: true }),
  },
  {
    part: 'log',
    name: 'a takeover does not look for rows that are put off',
    rules: { loadsRows: false },
    setup: logSetup(2, twoOfKey, { postpones: true }),
  },
];

/** Rules that look like a wrong turn and are none; kept so that nobody has to wonder again. */
export const logVariants: readonly LogMutant[] = [
  {
    part: 'log',
    name: "upto is another consumer's position, noted before the holders are read",
    rules: { upto: "another consumer's, before the holders are read" },
    setup: logSetup(2, three, { crashes: false, otherReader: true }),
  },
];

export function leaseSetup(
  events: 'transactional' | 'plain' | 'both',
  more: Partial<LeaseSetup> = {},
): LeaseSetup {
  const [transactional, plain] = [events !== 'plain', events !== 'transactional'];
  const usual = { tokens: 3, maxAttempts: 2, strays: 1, faults: true, postpones: false } as const;
  return { transactional, plain, ...usual, ...more };
}

const transactional = leaseSetup('transactional');
const plain = leaseSetup('plain');
const handOver = leaseSetup('both', { faults: false });

export const leaseMutants: readonly LeaseMutant[] = [
  {
    part: 'lease',
    name: 'token checked before the inbox row',
    rules: { rowBeforeToken: false },
    setup: transactional,
  },
  {
    part: 'lease',
    name: "repeatable read in the handler's transaction",
    rules: { isolation: 'repeatable read' },
    setup: transactional,
  },
  { part: 'lease', name: 'claim without the shared lock', rules: { claimHoldsCursor: false }, setup: plain },
  {
    part: 'lease',
    name: 'attempts counted after the run',
    rules: { attemptsCounted: 'after the run', interrupted: 'stays counted' },
    setup: plain,
  },
  { part: 'lease', name: 'save without fence', rules: { saveFenced: false }, setup: transactional },
  {
    part: 'lease',
    name: 'processed rows deleted before the save',
    rules: { cleaning: 'before the save, fenced' },
    setup: transactional,
  },
  {
    part: 'lease',
    name: "processed rows deleted without the save's fence",
    rules: { cleaning: 'after the handler, unfenced' },
    setup: transactional,
  },
  {
    part: 'lease',
    name: 'settle overwrites processed',
    rules: { saveKeepsProcessed: false },
    setup: transactional,
  },
  {
    part: 'lease',
    name: "a retry's outcome inserted if its row is gone",
    rules: { retryOutcome: 'inserts or updates' },
    setup: leaseSetup('both', { tokens: 2, strays: 2 }),
  },
  { part: 'lease', name: 'takeover in one statement', rules: { takeover: 'in one statement' }, setup: plain },
  { part: 'lease', name: 'marking without the token', rules: { markFenced: false }, setup: plain },
  {
    part: 'lease',
    name: 'rows locked at takeover never marked',
    rules: { marksLockedRowsLater: false },
    setup: transactional,
  },
  {
    part: 'lease',
    name: 'memory kept over a lost connection',
    rules: { dropsMemoryWithConnection: false },
    setup: plain,
  },
  {
    part: 'lease',
    name: 'release while a handler runs',
    rules: { releaseWaitsForHandlers: false },
    setup: handOver,
  },
  { part: 'lease', name: 'release without saving', rules: { releaseWaitsForSave: false }, setup: handOver },
  {
    part: 'lease',
    name: 'an attempt past its deadline calls the handler',
    rules: { lateAttemptsCallNoHandler: false },
    setup: transactional,
  },
  {
    part: 'lease',
    name: 'stalled transactions not ended by the server',
    rules: { serverEndsStalled: false },
    setup: transactional,
  },
  {
    part: 'lease',
    name: 'a postponement counts an attempt',
    rules: { postponed: 'counts' },
    setup: leaseSetup('both', { faults: false, postpones: true }),
  },
  {
    part: 'lease',
    name: 'an event that is put off is no suspect any more',
    rules: { postponedStaysSuspect: false },
    setup: leaseSetup('plain', { postpones: true, tokens: 6, maxAttempts: 1 }),
  },
  {
    part: 'lease',
    name: 'a postponement is settled without a row',
    rules: { postponed: 'is settled without a row' },
    setup: leaseSetup('plain', { faults: false, postpones: true }),
  },
];

export const leaseVariants: readonly LeaseMutant[] = [
  {
    part: 'lease',
    name: 'an interrupted attempt stays counted',
    rules: { interrupted: 'stays counted' },
    setup: transactional,
  },
  {
    part: 'lease',
    name: 'a retry asks for the token as well',
    rules: { retryAsksForToken: true },
    setup: leaseSetup('transactional', { strays: 2 }),
  },
];

export interface RenewalMutant {
  readonly part: 'renewal';
  readonly name: string;
  readonly rules: Partial<RenewalRules>;
  readonly setup: RenewalSetup;
}

const ofCursor: RenewalSetup = { lease: 'of a cursor' };
const ofName: RenewalSetup = { lease: 'of a name' };

export const renewalMutants: readonly RenewalMutant[] = [
  {
    part: 'renewal',
    name: 'saves of a cursor do not renew its lease',
    rules: { savesRenew: false },
    setup: ofCursor,
  },
  {
    part: 'renewal',
    name: 'an owner learns from renewals alone how long it may go on',
    rules: { ownerLearns: 'from renewals alone' },
    setup: ofCursor,
  },
  {
    part: 'renewal',
    name: 'an owner counts its lease from the answer of a save',
    rules: { ownerLearns: 'from the answers of its saves' },
    setup: ofCursor,
  },
  {
    part: 'renewal',
    name: 'a save of a cursor may be idle for ever',
    rules: { idleLimit: false },
    setup: ofCursor,
  },
  { part: 'renewal', name: 'a fence keeps renewals out', rules: { fence: 'for share' }, setup: ofName },
  { part: 'renewal', name: 'a fence does not hold the lease', rules: { fence: 'no lock' }, setup: ofName },
  { part: 'renewal', name: 'a taking changes no key', rules: { takingChangesKey: false }, setup: ofName },
  { part: 'renewal', name: 'a fence may be idle for ever', rules: { idleLimit: false }, setup: ofName },
];
