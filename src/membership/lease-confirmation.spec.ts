import { describe, expect, it } from '@jest/globals';
import { HeldLease } from './beat/held-lease.js';
import type { CursorSnapshot } from './beat/integration-process.store.js';
import { confirmLeases } from './lease-confirmation.js';

const LEASE_MS = 30_000;

/** A cursor with the token 't', of a lease that lasts for so long. */
const cursor = (leaseLeftMs: number | null, leaseToken: string | null = 't') =>
  ({ consumerName: 'c', partition: 0, leaseToken, leaseLeftMs }) as CursorSnapshot;

/** A lease that was renewed so many milliseconds ago, and what a beat of now makes of it. */
function confirmed(renewedAgoMs: number, cursors: CursorSnapshot[], renewed: string[] | null = []) {
  const now = performance.now();
  const lease = new HeldLease({ consumerName: 'c', partition: 0 }, 't', now - renewedAgoMs, LEASE_MS);
  const held = new Map([[lease.token, lease]]);
  const lost: HeldLease[] = [];
  const isEachRenewed = confirmLeases(
    held,
    { cursors, renewed },
    { sentAt: now, leaseMs: LEASE_MS },
    (each) => lost.push(each),
  );
  return {
    lastsMs: Math.round((lease.remainingMs + performance.now() - now) / 10) * 10,
    isEachRenewed,
    isHeld: held.size === 1,
    lost: lost.length,
  };
}

describe('a lease that a beat', () => {
  it('has renewed lasts for its whole length from then on', () => {
    expect(confirmed(20_000, [cursor(10_000)], ['t'])).toEqual({
      lastsMs: LEASE_MS,
      isEachRenewed: true,
      isHeld: true,
      lost: 0,
    });
  });

  it('could not renew, because its own saves hold the row, lasts as long as they have made it', () => {
    expect(confirmed(40_000, [cursor(25_000)])).toEqual({
      lastsMs: 25_000,
      isEachRenewed: true,
      isHeld: true,
      lost: 0,
    });
  });

  it('could not renew is tried again soon when less than two thirds of it are left', () => {
    expect(confirmed(20_000, [cursor(10_000)])).toMatchObject({ lastsMs: 10_000, isEachRenewed: false });
    expect(confirmed(40_000, [cursor(-10_000)])).toMatchObject({ lastsMs: -10_000, isEachRenewed: false });
  });

  it('only reads becomes no shorter than its process knows it to be', () => {
    expect(confirmed(5_000, [cursor(1_000)], null).lastsMs).toBe(25_000);
  });

  it('does not find on its cursor is lost', () => {
    expect(confirmed(1_000, [cursor(null, 'another')])).toMatchObject({ isHeld: false, lost: 1 });
  });
});
