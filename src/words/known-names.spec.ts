import { describe, expect, it } from '@jest/globals';
import { nearestName, problemsOfUnknownNames } from './known-names.js';

const known = ['eventName', 'consumerName', 'transactional', 'retry', 'timeoutMs', 'delayMs', 'maxAttempts'];

describe('a name that is not known', () => {
  it.each([
    ['timeout', 'timeoutMs'],
    ['delay', 'delayMs'],
    ['timeoutms', 'timeoutMs'],
    ['timeOutMS', 'timeoutMs'],
    ['consumer', 'consumerName'],
    ['cosnumerName', 'consumerName'],
    ['eventNames', 'eventName'],
    ['transaction', 'transactional'],
    ['attempts', 'maxAttempts'],
    ['retries', 'retry'],
    ['colour', undefined],
    ['x', undefined],
    ['', undefined],
  ])('%s is taken for %s', (name, meant) => {
    expect(nearestName(name, known)).toBe(meant);
  });

  it('is told with what there is and what was meant', () => {
    expect(problemsOfUnknownNames({ timeout: 5, retry: {}, colour: 'red' }, { known })).toEqual([
      `timeout is not an option; there are: ${known.join(', ')} (did you mean timeoutMs?)`,
      `colour is not an option; there are: ${known.join(', ')}`,
    ]);
  });

  it('is no problem without a value, as what is spread into options may be', () => {
    expect(problemsOfUnknownNames({ timeout: undefined }, { known })).toEqual([]);
  });
});
