import { describe, expect, it } from '@jest/globals';
import { misspeltOf, nearestName, problemsOfUnknownNames } from './known-names.js';

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

  it('is called something else by another library', () => {
    const [problem] = problemsOfUnknownNames({ wait: 5 }, { known, elsewhere: { wait: 'delayMs' } });
    expect(problem).toContain('(did you mean delayMs?)');
  });
});

describe('a name among many', () => {
  it.each([
    ['invoice.craeted', 'invoice.created'],
    ['invoice.createdd', 'invoice.created'],
    ['invoice.cancelled', 'invoice.canceled'],
    ['invoice.created', undefined],
    ['invoice.voided', undefined],
    ['a.b', undefined],
  ])('%s is taken for %s', (name, meant) => {
    expect(misspeltOf(name, ['invoice.created', 'invoice.canceled', 'invoice.paid', 'a.c'])).toBe(meant);
  });
});
