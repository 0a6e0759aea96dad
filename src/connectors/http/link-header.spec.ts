import { describe, expect, it } from '@jest/globals';
import { nextLink } from './link-header.js';

describe('the next link', () => {
  it.each([
    ['<https://a.example/?page=2>; rel="next"', 'https://a.example/?page=2'],
    ['<https://a.example/?page=2>; rel=next', 'https://a.example/?page=2'],
    ['<https://a.example/?page=2>;rel=NEXT', 'https://a.example/?page=2'],
    ['<https://a.example/?a=1,2;3>; rel="next"', 'https://a.example/?a=1,2;3'],
    ['<https://a.example/1>; rel="prev", <https://a.example/3>; rel="next"', 'https://a.example/3'],
    ['<https://a.example/1>; rel="last next"; title="a"', 'https://a.example/1'],
    ['<https://a.example/1>; title="a, <b>; rel=\\"next\\""; rel="next"', 'https://a.example/1'],
    ['<?page=2>; rel="next"', '?page=2'],
    [['<https://a.example/1>; rel="prev"', '<https://a.example/3>; rel="next"'], 'https://a.example/3'],
  ])('of %j is %j', (header, target) => {
    expect(nextLink(header as string)).toBe(target);
  });

  it.each([
    undefined,
    '',
    'next',
    '<https://a.example/1>',
    '<https://a.example/1>; rel="previous"',
    '<https://a.example/1>; rev="next"',
    '<https://a.example/1>; rel="prev"; rel="next"',
    '<https://a.example/1>; rel="nextpage"',
    '<>; rel="next"',
    'https://a.example/1; rel="next"',
  ])('of %j is none', (header) => {
    expect(nextLink(header)).toBeUndefined();
  });

  it('of a header that is made to take long is found soon', () => {
    const from = performance.now();
    for (const piece of ['<', '<a>; ', '; rel', '"', '\\"', '<a>; rel="', ' ;'])
      nextLink(piece.repeat(16_384 / piece.length));
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});
