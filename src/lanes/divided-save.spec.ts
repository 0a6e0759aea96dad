import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { IntegrationError } from '../errors.js';
import { saveDivided } from './divided-save.js';
import type { Saved, ToSave } from './lane-saver.js';
import type { LaneItem } from './lane-work.js';

type Each = ToSave<LaneItem>;

const NOTHING: Saved<LaneItem> = { ended: [], changes: new Map(), later: [] };
const lease = {} as Each['lease'];
const portionOf = (count: number): Each[] =>
  Array.from({ length: count }, (_, n) => ({ target: String(n), lease, ended: undefined }));
const withState = (code: string) => Object.assign(new Error(`state ${code}`), { code, severity: 'ERROR' });

function saver(failing: (part: readonly Each[]) => unknown) {
  const saved: string[] = [];
  let saves = 0;
  const save = async (part: readonly Each[]) => {
    saves++;
    const error = failing(part);
    if (error !== undefined) throw error;
    saved.push(...part.map(({ target }) => target));
    return NOTHING;
  };
  return { save, saved, count: () => saves };
}

const targetsOf = (all: readonly Each[]) => all.map(({ target }) => target);

describe('a save that is divided', () => {
  it('saves everything but what cannot be saved, in its order', async () => {
    const cases = fc.record({
      count: fc.integer({ min: 1, max: 60 }),
      broken: fc.uniqueArray(fc.integer({ min: 0, max: 59 })),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ count, broken }) => {
        const isBroken = ({ target }: Each) => broken.includes(Number(target));
        const portion = portionOf(count);
        const { save, saved } = saver((part) => (part.some(isBroken) ? withState('22P05') : undefined));
        const { refused, left } = await saveDivided(portion, save);
        expect(targetsOf(refused.map(({ each }) => each))).toEqual(targetsOf(portion.filter(isBroken)));
        expect(saved).toEqual(targetsOf(portion.filter((each) => !isBroken(each))));
        expect(left).toEqual([]);
      }),
    );
  });

  it('takes about 20 saves for one of 1,000 that cannot be saved', async () => {
    const { save, count } = saver((part) =>
      part.some(({ target }) => target === '617') ? withState('23514') : undefined,
    );
    await saveDivided(portionOf(1_000), save);
    expect(count()).toBeLessThanOrEqual(21);
  });

  it.each([
    ['a connection that is lost', withState('57P01')],
    ['a server without space', withState('53100')],
    ['a statement that was cancelled', withState('57014')],
    ['a right that is missing', withState('42501')],
    ['a database that cannot be reached', new IntegrationError('INTEGRATION_DATABASE_UNREACHABLE', 'away')],
    ['an engine that is closed', new IntegrationError('INTEGRATION_CLOSED', 'closed')],
  ])('leaves everything as it is for %s', async (_, error) => {
    const { save, count } = saver(() => error);
    const portion = portionOf(8);
    const result = await saveDivided(portion, save);
    expect(count()).toBe(1);
    expect(result).toEqual({ saved: [], refused: [], left: portion, error });
  });

  it('leaves what it has not tried when the database fails in the middle', async () => {
    const away = withState('57P01');
    const { save, saved } = saver((part) => {
      if (part.length === 8) return withState('22021');
      return part[0]?.target === '4' ? away : undefined;
    });
    const { left, error } = await saveDivided(portionOf(8), save);
    expect(saved).toEqual(['0', '1', '2', '3']);
    expect(targetsOf(left)).toEqual(['4', '5', '6', '7']);
    expect(error).toBe(away);
  });

  it('divides for a mistake in what is saved that never came to the database', async () => {
    const { save, saved } = saver((part) =>
      part.some(({ target }) => target === '1')
        ? new IntegrationError('INTEGRATION_PAYLOAD_INVALID', 'no JSON')
        : undefined,
    );
    const { refused } = await saveDivided(portionOf(3), save);
    expect(saved).toEqual(['0', '2']);
    expect(refused).toHaveLength(1);
  });
});
