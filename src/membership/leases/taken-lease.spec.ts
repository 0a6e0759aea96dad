import { describe, expect, it } from '@jest/globals';
import type { LeaseStore } from './lease.store.js';
import { TakenLease } from './taken-lease.js';

const lease = new TakenLease(
  { key: 'prices', token: 7 } as never,
  { fenceSql: (first: number) => `$${first} $${first + 1}` } as unknown as LeaseStore,
  {} as never,
);

describe('fenceSql', () => {
  it('takes the number of a parameter', () => {
    expect(lease.fenceSql(65_534)).toEqual({ sql: '$65534 $65535', values: ['prices', '7'] });
  });

  it.each([0, -1, 1.5, Number.NaN, 65_535, '1; DROP TABLE t --', '1', undefined])(
    'refuses what is no such number: %p',
    (given) => {
      expect(() => lease.fenceSql(given as number)).toThrow(
        expect.objectContaining({ code: 'INTEGRATION_ADMIN_INVALID' }),
      );
    },
  );
});
