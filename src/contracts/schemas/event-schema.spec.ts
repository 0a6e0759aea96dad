import { describe, expect, it } from '@jest/globals';
import { resultFrom } from './event-schema.js';

describe('what a validator answers', () => {
  it('is a yes with a value and without issues', () => {
    for (const answer of [{ value: 1 }, { value: undefined }, { value: 1, issues: undefined, typed: true }])
      expect(resultFrom(answer)).toEqual({ value: answer.value });
  });

  it('is a no with issues, also if there are none in the list', () => {
    expect(resultFrom({ issues: [{ message: 'x' }] })).toEqual({ issues: [{ message: 'x' }] });
    expect(resultFrom({ issues: [] })).toEqual({ issues: [] });
  });

  it.each([
    undefined,
    null,
    true,
    false,
    1,
    'ok',
    {},
    [],
    { issues: 'x' },
    { value: 1, issues: 'x' },
    { ok: true },
  ])('is a no where it answers %p', (answer) => {
    expect(resultFrom(answer as never)).toEqual({
      issues: [{ message: expect.stringContaining('neither a value nor issues') }],
    });
  });
});
