import { describe, expect, it } from '@jest/globals';
import { type Case, cases, judge } from '../../proof/model/suite.js';

const small = cases('small');
const named = (kind: Case['kind']): [string, Case][] =>
  small.filter((one) => one.kind === kind).map((one) => [`${one.name} (${one.bounds})`, one]);

/** Every interleaving of a small configuration; `npm run proof:model` explores larger ones. */
describe('the model of the engine', () => {
  it.each([...named('rules'), ...named('variant')])('finds no violation of the rules: %s', (_name, one) => {
    const { exploration } = judge(one);
    expect(exploration.counterexample).toBeUndefined();
    expect(exploration.complete).toBe(true);
  });

  it.each(named('mutant'))('catches the wrong turn: %s', (_name, one) => {
    const { exploration } = judge(one);
    expect(exploration.counterexample?.check).toEqual(expect.any(String));
    expect(exploration.counterexample?.steps.length).toBeGreaterThan(2);
  });
});
