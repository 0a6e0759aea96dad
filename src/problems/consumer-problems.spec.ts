import { describe, expect, it } from '@jest/globals';
import type { ConsumerView } from '../changes/consumer.service.js';
import { problemsOfConsumers } from './consumer-problems.js';

const OWNER = { id: '00000000-0000-7000-8000-000000000001', host: 'web-1', pid: 7 };
const view = (consumerName: string, more: Partial<ConsumerView> = {}): ConsumerView => ({
  consumerName,
  partition: 0,
  partitions: 1,
  eventNames: ['order.*'],
  pendingPositions: 0,
  pendingEvents: 0,
  lagSeconds: null,
  lagIsAtMost: false,
  oldestPosition: null,
  paused: false,
  pausedSince: null,
  pausedBy: null,
  pauseReason: null,
  unavailable: null,
  repartitioningTo: null,
  owner: OWNER,
  ownerNotSeenSince: null,
  lastProgressAt: null,
  servedAt: new Date(),
  deadLetters: 0,
  deadLettersAtLeast: false,
  unservedSince: null,
  orphaned: false,
  ...more,
});
const at = (minute: number) => new Date(Date.UTC(2026, 10, 27, 9, minute));
const saidOf = (views: readonly ConsumerView[]) => problemsOfConsumers(views).map(({ says }) => says);

describe('consumers that', () => {
  it('are well have no problem', () => {
    expect(problemsOfConsumers([view('billing'), view('mail', { lagSeconds: 20 })])).toEqual([]);
  });

  it('were paused by one person for one reason are one problem, since the first of them', () => {
    const pause = { paused: true, pausedBy: 'ann', pauseReason: 'deploy' };
    const [deploy, ...others] = problemsOfConsumers([
      view('c', { ...pause, pausedSince: at(12) }),
      view('a', { ...pause, pausedSince: at(11) }),
      view('b', { ...pause, pauseReason: null, pausedSince: at(10) }),
    ]);
    expect(deploy).toMatchObject({
      kind: 'paused',
      says: '2 consumers were paused by ann: deploy',
      since: at(11),
      consumers: { count: 2, first: ['a', 'c'] },
      // One call does not resume both.
      action: null,
    });
    expect(others.map(({ says, action }) => [says, action])).toEqual([
      ['b was paused by ann', { service: 'ConsumerService', method: 'resume', arguments: ['b'] }],
    ]);
  });

  it('cannot reach one thing are one problem, and each other thing is one more', () => {
    const reach = (reason: string) => ({ unavailable: { since: at(3), reason } });
    expect(
      saidOf([view('a', reach('no route')), view('b', reach('no route')), view('c', reach('refused'))]),
    ).toEqual(['2 consumers cannot work: no route', 'c cannot work: refused']);
    const ofPartition = { partition: 1, partitions: 2 };
    expect(
      saidOf([view('a', { partitions: 2 }), view('a', { ...ofPartition, ...reach('refused') })]),
    ).toEqual(['a cannot work in partition 1: refused']);
  });

  it('are behind are one problem, with the one that is furthest', () => {
    const behind = [
      view('a', { lagSeconds: 130, pendingPositions: 19, pendingEvents: 3 }),
      view('b', { lagSeconds: 7_500, pendingPositions: 784_504, pendingEvents: null }),
    ];
    expect(saidOf(behind)).toEqual([
      '2 consumers are behind, b the furthest: 2 h behind, with up to 784,504 events to read',
    ]);
    expect(saidOf(behind.slice(1))).toEqual(['b is 2 h behind, with up to 784,504 events to read']);
    // It asks for three of the 19 positions.
    expect(saidOf(behind.slice(0, 1))).toEqual(['a is 2 min behind, with 3 events to read']);
  });

  it('are behind say in which time they have caught up, if they gain on the log', () => {
    const rates = { publishedPerSecond: 2, settledPerSecond: { a: 4 } };
    const behind = [
      view('a', { lagSeconds: 180, pendingPositions: 60, pendingEvents: 49 }),
      view('b', { lagSeconds: 130, pendingPositions: 3, pendingEvents: 3 }),
    ];
    const [one] = problemsOfConsumers(behind.slice(0, 1), rates);
    expect(one?.says).toBe(
      'a is 3 min behind, with 49 events to read, and caught up in about 30 s at this rate',
    );
    const [both] = problemsOfConsumers(behind, rates);
    expect(both?.says).toBe(
      '2 consumers are behind, a the furthest: 3 min behind, with 49 events to read, and caught up in about 30 s at this rate',
    );
    const [slow] = problemsOfConsumers(behind.slice(0, 1), { ...rates, publishedPerSecond: 4 });
    expect(slow?.says).toBe('a is 3 min behind, with 49 events to read');
  });

  it('ask for none of what was looked at are not called behind', () => {
    const none = { lagSeconds: 130, lagIsAtMost: true, pendingPositions: 784_504, pendingEvents: null };
    expect(problemsOfConsumers([view('a', none)])).toMatchObject([
      {
        severity: 'info',
        since: null,
        says: 'a has 784,504 positions of the log to pass, and asks for none of those that were looked at',
      },
    ]);
    expect(saidOf([view('a', none), view('b', { ...none, pendingPositions: 3_000 })])).toEqual([
      '2 consumers have up to 784,504 positions of the log to pass, and ask for none of those that were looked at',
    ]);
    // One partition that is late is enough.
    const late = view('a', { lagSeconds: 61, pendingPositions: 2, partition: 1 });
    expect(saidOf([view('a', none), late])).toEqual(['a is 2 min behind, with up to 784,504 events to read']);
  });

  it('nobody works on are told apart by why: no code, code that lacks names, or nobody has come yet', () => {
    const nobody = { owner: null };
    expect(
      problemsOfConsumers([
        view('a', { ...nobody, orphaned: true }),
        view('b', { ...nobody, unservedSince: at(1) }),
        view('c', nobody),
        view('d', { ...nobody, paused: true }),
      ]).map(({ kind, consumers }) => [kind, consumers.first]),
    ).toEqual([
      ['orphaned', ['a']],
      ['unserved', ['b']],
      ['unowned', ['c']],
      ['paused', ['d']],
    ]);
  });

  it('are changing their partitions say to how many', () => {
    expect(saidOf([view('a', { repartitioningTo: 4 })])).toEqual(['a is changing to 4 partitions']);
  });
});
