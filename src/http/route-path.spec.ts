import { describe, expect, it } from '@jest/globals';
import { isRoutePath } from './route-path.js';

describe('the path of routes', () => {
  it.each(['', '/', 'ops', '/ops/integration/', 'a.b/..c', 'v1/_x~'])('may be %j', (path) => {
    expect(isRoutePath(path)).toBe(true);
  });

  it.each(['../x', 'ops/..', './ops', 'ops/./x', 'ops/:id', 'a b', 'a%2e', 7, undefined])(
    'may not be %j',
    (path) => {
      expect(isRoutePath(path)).toBe(false);
    },
  );
});
