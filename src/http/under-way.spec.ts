import { expect, it } from '@jest/globals';
import { UnderWay } from './under-way.js';

it('what is under way is what was added and not removed, whatever came and went in between', () => {
  const underWay = new UnderWay<string>();
  const places = ['a', 'b', 'c'].map((each) => underWay.add(each));
  underWay.remove(places[1] ?? -1);
  expect(underWay.all()).toEqual(['a', 'c']);
  const place = underWay.add('d');
  expect([...underWay.all()].sort()).toEqual(['a', 'c', 'd']);
  for (const each of [place, places[0] ?? -1, places[2] ?? -1]) underWay.remove(each);
  expect(underWay.all()).toEqual([]);
  for (let n = 0; n < 1_000; n++) underWay.remove(underWay.add(`${n}`));
  expect(underWay.all()).toEqual([]);
});
