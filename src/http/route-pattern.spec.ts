import { describe, expect, it } from '@jest/globals';
import { parametersOf, routePattern } from './route-pattern.js';

const found = (route: string, path: string, how = {}) => parametersOf(routePattern(route, how), path);

describe('the pattern of a route', () => {
  it.each([
    ['/hooks/:source', '/hooks/github', { source: 'github' }],
    ['/hooks/:source', '/HOOKS/GitHub/', { source: 'GitHub' }],
    ['/api/:tenant/hooks/:source', '/api/a%20b/hooks/%E0%A4%A', { tenant: 'a b', source: '%E0%A4%A' }],
    ['/v:version/hooks', '/v2.1/hooks', { version: '2.1' }],
    ['/a.b~c/hooks', '/a.b~c/hooks', {}],
    ['/{:tenant/}hooks', '/hooks', { tenant: '' }],
    ['/{:tenant/}hooks', '/acme/hooks', { tenant: 'acme' }],
    ['/in/*rest/hooks', '/in/a/b/hooks', { rest: 'a/b' }],
    ['/', '/', {}],
  ])('%s fits %s', (route, path, parameters) => {
    expect(found(route, path)).toEqual(parameters);
  });

  it.each([
    ['/hooks/:source', '/hooks'],
    ['/hooks/:source', '/hooks/a/b'],
    ['/hooks/:source', '//hooks/a'],
    ['/a.b/hooks', '/axb/hooks'],
    ['/in/*rest/hooks', '/in/hooks'],
  ])('%s does not fit %s', (route, path) => {
    expect(found(route, path)).toBeUndefined();
  });

  it('keeps the case and the last slash where the router does', () => {
    expect(found('/hooks', '/HOOKS', { caseSensitive: true })).toBeUndefined();
    expect(found('/hooks', '/hooks/', { strict: true })).toBeUndefined();
    expect(found('/hooks', '/HOOKS', { strict: true })).toEqual({});
  });
});
