import { describe, expect, it } from '@jest/globals';
import {
  isConnectionLoss,
  isEndOfIdleness,
  isSessionLoss,
  isStaleStatement,
  sqlStateOf,
  textsOf,
} from '../../database/connection/connection-loss.js';
import { MOST_OBJECTS } from '../../database/connection/error-fields.js';
import { errorTypeOf } from '../../telemetry/error-type.js';
import { framesWithCauses, stackWithCauses, textWithCauses } from '../partition/error-causes.js';
import { errorFingerprint } from '../partition/error-fingerprint.js';
import { isAborted, isDatabaseOutage, isFailureOfCommit } from './infrastructure-failure.js';

const JUDGES = {
  errorFingerprint,
  errorTypeOf,
  framesWithCauses,
  isAborted,
  isConnectionLoss,
  isDatabaseOutage,
  isEndOfIdleness,
  isFailureOfCommit,
  isSessionLoss,
  isStaleStatement,
  sqlStateOf,
  stackWithCauses,
  textsOf,
  textWithCauses,
};

/**
 * An error that makes another object each time that this field is read. A judge without a bound ends late.
 */
function endless(field: string): { error: Error; reads: () => number } {
  let reads = 0;
  class Fresh extends Error {}
  Object.defineProperty(Fresh.prototype, field, { get: () => (++reads < 300 ? next() : undefined) });
  const next = () => (field === 'errors' ? [new Fresh('one'), new Fresh('two')] : new Fresh('inner'));
  return { error: new Fresh('outer'), reads: () => reads };
}

/** What each judge says of an error. Each judge has a turn of its own, so none profits from another. */
async function opinionsOn(error: unknown): Promise<Record<string, unknown>> {
  const opinions: Record<string, unknown> = {};
  for (const [name, judge] of Object.entries(JUDGES)) {
    opinions[name] = judge(error);
    await new Promise(setImmediate);
  }
  return opinions;
}

describe('what judges an error', () => {
  it.each(['cause', 'driverError', 'original', 'meta', 'driverAdapterError'])(
    'looks at few objects where %s makes another one each time',
    async (field) => {
      for (const judge of Object.values(JUDGES)) {
        const { error, reads } = endless(field);
        judge(error);
        await new Promise(setImmediate);
        expect(reads()).toBeLessThanOrEqual(MOST_OBJECTS + 1);
      }
    },
  );

  it('looks at a bounded number of objects where gathered errors gather errors without an end', async () => {
    for (const judge of Object.values(JUDGES)) {
      const { error, reads } = endless('errors');
      judge(error);
      await new Promise(setImmediate);
      expect(reads()).toBeLessThan(2 * MOST_OBJECTS);
    }
  });

  it('reads an object once in a turn, whoever asks', () => {
    const { error, reads } = endless('cause');
    for (const judge of Object.values(JUDGES)) judge(error);
    expect(reads()).toBeLessThanOrEqual(MOST_OBJECTS + 1);
  });

  it('sees what a host has added to an error that was judged before', async () => {
    const error = new Error('order failed');
    expect(isDatabaseOutage(error)).toBe(false);
    await Promise.resolve();
    error.cause = Object.assign(new Error('terminated'), { code: '57P01', severity: 'FATAL' });
    expect(isDatabaseOutage(error)).toBe(true);
  });

  it('reads the fields that can be read where another one throws', () => {
    const cause = Object.assign(new Error('terminated'), { code: '57P01', severity: 'FATAL' });
    const error = Object.defineProperty(new Error('odd', { cause }), 'meta', {
      get() {
        throw new Error('no meta');
      },
    });
    expect([sqlStateOf(error), isSessionLoss(error), isDatabaseOutage(error)]).toEqual(['57P01', true, true]);
  });

  it('has an opinion on a revoked proxy, and on a list of errors that cannot be read', async () => {
    const { proxy, revoke } = Proxy.revocable(new Error('odd'), {});
    revoke();
    const list = Proxy.revocable([new Error('one')], {});
    const gathered = Object.assign(new AggregateError([], 'many'), { errors: list.proxy });
    list.revoke();
    for (const error of [proxy, new Error('outer', { cause: proxy }), gathered]) {
      expect(await opinionsOn(error)).toMatchObject({ isDatabaseOutage: false, isConnectionLoss: false });
    }
  });

  it('writes a bounded text of errors whose messages and stacks are as long as files', async () => {
    const long = 'a'.repeat(1_000_000);
    let error = new Error(`${long}b`);
    for (let i = 0; i < 20; i++) error = new Error(`${long}${i}\n    at ${long}`, { cause: error });
    error.name = long;
    const { textWithCauses, stackWithCauses, framesWithCauses } = await opinionsOn(error);
    for (const text of [textWithCauses, stackWithCauses, framesWithCauses])
      expect(String(text).length).toBeLessThan(200_000);
  });

  it('still finds what a driver says behind a statement as long as a file', () => {
    const error = new Error(`${'insert '.repeat(100_000)} - Connection terminated unexpectedly`);
    expect(isDatabaseOutage(error)).toBe(true);
  });
});
