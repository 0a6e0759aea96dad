import { expect, it } from '@jest/globals';
import { consumerText } from './flow.js';

const standing = { lagSeconds: null, names: 0, perSecond: 0, isPaused: false, isBehind: false };

it('says numbers of dead letters as every sentence says numbers', () => {
  const says = (count: number, atLeast = false) =>
    consumerText({ ...standing, deadLetters: { count, atLeast } });
  expect(says(1)).toMatch(/^1 dead letter, /);
  expect(says(9_999)).toMatch(/^9,999 dead letters, /);
  expect(says(10_000, true)).toMatch(/^10,000\+ dead letters, /);
});
