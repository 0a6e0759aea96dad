import { expect, it } from '@jest/globals';
import { LatestEntries } from './latest-entries.js';

it('forgets what was set longest ago, also where it was set again meanwhile', () => {
  const latest = new LatestEntries<string, number>(2);
  latest.set('a', 1).set('b', 2).set('a', 3);
  expect([...latest]).toEqual([
    ['b', 2],
    ['a', 3],
  ]);
  latest.set('c', 4);
  expect([...latest.keys()]).toEqual(['a', 'c']);
  latest.delete('a');
  latest.set('d', 5);
  expect([...latest.keys()]).toEqual(['c', 'd']);
});
