import { describe, expect, it } from '@jest/globals';
import { Refusals } from './refusals.js';

const logger = { warnOfFailure: () => true };

describe('schedules whose event cannot be published', () => {
  it('are left out until they may be tried again', () => {
    const refusals = new Refusals(logger);
    refusals.refused('large', new Error('too large'));
    expect(refusals.names()).toEqual(['large']);
    expect(refusals.againInMs()).toBeGreaterThan(50_000);
    refusals.passed('large');
    expect(refusals.names()).toEqual([]);
  });

  it('are forgotten then, so that nobody looks for one that is gone again and again', () => {
    const refusals = new Refusals(logger, 0);
    refusals.refused('gone', new Error('too large'));
    expect(refusals.names()).toEqual([]);
    expect(refusals.againInMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('may all be tried once a schedule was changed', () => {
    const refusals = new Refusals(logger);
    refusals.refused('large', new Error('too large'));
    refusals.forget();
    expect(refusals.names()).toEqual([]);
  });
});
