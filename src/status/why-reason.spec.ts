import { describe, expect, it } from '@jest/globals';
import type { CursorFacts, DeliveryFacts, RunningEvent } from './why-facts.store.js';
import { IN_QUEUE, type Known, reasonOf } from './why-reason.js';
import { sentenceOf } from './why-sentences.js';

const NOW = new Date('2026-11-27T12:00:00Z');
const ago = (ms: number) => new Date(NOW.getTime() - ms);
const PROCESS = { id: '00000000-0000-4000-8000-000000000001', host: 'web-1', pid: 7 };

const CURSOR: CursorFacts = {
  consumerName: 'billing',
  partition: 0,
  now: NOW,
  pausedAt: null,
  pausedBy: null,
  pauseReason: null,
  isHeldBack: false,
  repartitionTo: null,
  repartitionAskedAt: null,
  servedAt: ago(1_000),
  owner: PROCESS,
  isOwned: true,
  isOwnerGone: false,
  leaseUntil: ago(-30_000),
  unavailable: null,
  handledBy: [{ ...PROCESS, isAble: true, isOff: false }],
};
const DELIVERY: DeliveryFacts = {
  consumerName: 'billing',
  outboxEventId: '00000000-0000-4000-8000-000000000002',
  partition: 0,
  position: 812,
  aggregateType: 'order',
  aggregateId: 'o1',
  status: null,
  attemptCount: null,
  updatedAt: null,
  postponedSince: null,
  isUnread: true,
  dueAt: null,
  waits: false,
  earlier: null,
};
const run = (position: number, more: Partial<RunningEvent> = {}): RunningEvent => ({
  consumerName: 'billing',
  partition: 0,
  position,
  aggregateType: 'order',
  aggregateId: 'o1',
  outboxEventId: '00000000-0000-4000-8000-000000000003',
  attempt: 1,
  events: 1,
  holdsUp: true,
  since: ago(12_000).toISOString(),
  process: PROCESS,
  ...more,
});

function codeOf(known: {
  delivery?: Partial<DeliveryFacts>;
  cursor?: Partial<CursorFacts>;
  running?: RunningEvent[];
}): string | undefined {
  const whole: Known = {
    delivery: { ...DELIVERY, ...known.delivery },
    cursor: { ...CURSOR, ...known.cursor },
    running: known.running ?? [],
  };
  const reason = reasonOf(whole);
  return reason === IN_QUEUE ? 'queue' : reason?.code;
}

describe('the reason', () => {
  it('is the first of several that hold at once', () => {
    const paused = { pausedAt: ago(1_000) };
    const retry = { status: 'failed', attemptCount: 1, dueAt: ago(-30_000) } as const;
    expect(codeOf({ cursor: paused, running: [run(812)] })).toBe('running');
    expect(codeOf({ cursor: paused, delivery: retry })).toBe('paused');
    expect(codeOf({ cursor: { ...paused, isHeldBack: true } })).toBe('paused');
    expect(codeOf({ delivery: retry, cursor: { isOwned: false, owner: null } })).toBe('retry');
    expect(codeOf({ delivery: { waits: true, status: 'received' }, cursor: { isOwnerGone: true } })).toBe(
      'behind-entity',
    );
    const cutOff = { unavailable: { since: ago(5_000).toISOString(), reason: 'no answer' } };
    expect(codeOf({ cursor: { ...cutOff, isOwnerGone: true } })).toBe('no-owner');
    expect(codeOf({ cursor: cutOff })).toBe('unavailable');
    expect(codeOf({})).toBe('queue');
  });

  it('is a place in the queue once the time of a retry has come', () => {
    expect(codeOf({ delivery: { status: 'failed', attemptCount: 1, dueAt: ago(1) } })).toBe('queue');
  });

  it('is none where nothing is waited for', () => {
    for (const status of ['processed', 'skipped', 'dead_letter', 'failed'] as const)
      expect(codeOf({ delivery: { status }, cursor: { pausedAt: ago(1) } })).toBeUndefined();
    expect(codeOf({ delivery: { isUnread: false } })).toBeUndefined();
  });

  it('is no earlier event where the consumer keeps no order, or where it runs for another entity', () => {
    expect(codeOf({ running: [run(811)] })).toBe('behind-entity');
    expect(codeOf({ running: [run(811, { holdsUp: false })] })).toBe('queue');
    expect(codeOf({ running: [run(811, { aggregateId: 'o2' })] })).toBe('queue');
    expect(codeOf({ running: [run(813)] })).toBe('queue');
  });

  it('tells handlers that are switched off from a process that could take the consumer, and from none', () => {
    const free = { isOwned: false, owner: null };
    const handledBy = (isAble: boolean, isOff: boolean) => [{ ...PROCESS, isAble, isOff }];
    expect(codeOf({ cursor: { ...free, handledBy: handledBy(false, true) } })).toBe('handlers-off');
    expect(codeOf({ cursor: { ...free, handledBy: handledBy(false, false) } })).toBe('no-handler');
    expect(codeOf({ cursor: { ...free, handledBy: [] } })).toBe('no-handler');
    expect(codeOf({ cursor: { ...free, handledBy: handledBy(true, false) } })).toBe('no-owner');
  });
});

describe('the sentence of a place in the queue', () => {
  const said = (count: number, atLeast: boolean, perSecond: number | null, seconds: number | null) =>
    sentenceOf('billing', { code: 'queue', ahead: { count, atLeast }, perSecond, seconds }, NOW);

  it('has how many, how fast and how long', () => {
    expect(said(1_200, false, 40, 30)).toBe('1,200 events are before it, at 40 a second: about 30 s.');
    expect(said(1, false, 0.254, 3.9)).toBe('1 event is before it, at 0.25 a second: about 4 s.');
    expect(said(10_000, true, 2_000, 392)).toBe(
      'More than 10,000 events are before it, at 2,000 a second: about 7 min.',
    );
    expect(said(3, false, null, null)).toBe('3 events are before it.');
    expect(said(0, false, null, null)).toBe('It is next: no event is before it.');
  });
});
