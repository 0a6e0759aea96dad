import { describe, expect, it } from '@jest/globals';
import type { AdminCallOptions } from '../options/admin-options.js';
import { HostDecisions } from './host-decisions.js';

const REQUEST = { method: 'GET', url: '/', headers: {} };

/** Decisions of an application whose functions answer anything, and what was warned of. */
function decisionsOf(options: { readonly [K in keyof AdminCallOptions]?: unknown }) {
  const warned: string[] = [];
  const decisions = new HostDecisions(options as AdminCallOptions, {
    warnOfFailure: (text: string) => warned.push(text) > 0,
  });
  return { decisions, warned };
}

describe('permission', () => {
  const may = (permission: unknown) => {
    const { decisions, warned } = decisionsOf(permission === undefined ? {} : { permission });
    return decisions.may(REQUEST, 'consumers.remove', {}).then((is) => ({ is, warned: warned.length }));
  };

  it('is a yes where it answers true, at once or later, and where it was not given', async () => {
    for (const permission of [() => true, async () => true, undefined])
      expect(await may(permission)).toEqual({ is: true, warned: 0 });
  });

  it.each([undefined, null, false, 0, '', Number.NaN])('is a no where it answers %p', async (answer) => {
    expect(await may(() => answer)).toEqual({ is: false, warned: 0 });
    expect(await may(async () => answer)).toEqual({ is: false, warned: 0 });
  });

  it.each(['false', 'true', 1, 1n, {}, [], () => true])(
    'is a no where it answers %p, and that is warned of, because it was not meant as one',
    async (answer) => {
      expect(await may(() => answer)).toEqual({ is: false, warned: 1 });
      expect(await may(async () => answer)).toEqual({ is: false, warned: 1 });
    },
  );
});

describe('actor', () => {
  const actor = async (answer: unknown) => {
    const { decisions, warned } = decisionsOf({ actor: () => answer });
    return [await decisions.actorOf(REQUEST), warned.length];
  };

  it.each([
    ['ann', 'ann'],
    [' ann\0 ', 'ann'],
    [17, '17'],
    [0, '0'],
    [9_007_199_254_740_993n, '9007199254740993'],
    [Promise.resolve(17), '17'],
    ['x'.repeat(300), 'x'.repeat(255)],
  ])('%p is the name of the person: %s', async (answer, name) => {
    expect(await actor(answer)).toEqual([name, 0]);
  });

  it.each([undefined, null, '', '  '])('%p is nobody', async (answer) => {
    expect(await actor(answer)).toEqual(['unknown', 0]);
  });

  it.each([{ id: 1 }, ['ann'], true, Symbol('ann'), Number.NaN, new Date(0)])(
    '%p is nobody, and that is warned of',
    async (answer) => {
      expect(await actor(answer)).toEqual(['unknown', 1]);
    },
  );
});
