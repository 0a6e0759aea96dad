import { describe, expect, it } from '@jest/globals';
import type { AdminCallOptions, AdminMountOptions } from '../options/admin-options.js';
import { AllowedHosts, isHostName } from './allowed-hosts.js';

function answers(
  hosts: readonly (string | undefined)[],
  options: AdminCallOptions,
  access: AdminMountOptions['access'],
): boolean[] {
  const allowed = new AllowedHosts(options, { access });
  return hosts.map((host) => {
    try {
      allowed.refuseOthers({ method: 'GET', url: '/', headers: host === undefined ? {} : { host } });
      return true;
    } catch {
      return false;
    }
  });
}

const LOCAL = [
  'localhost',
  'LOCALHOST:3000',
  'shop.localhost',
  '127.0.0.1:80',
  '10.1.2.3',
  '[::1]:3000',
  '[fe80::1]',
];
const FOREIGN = [
  'evil.example',
  'evil.example:3000',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  'notlocalhost',
  'ops.internal.evil.example',
  'user@localhost',
  'localhost/x',
  'evil.example#localhost',
  '',
  undefined,
];

describe("the hosts of an API that is 'open'", () => {
  it('are this computer and addresses, which no page of another site has as its name', () => {
    expect(answers(LOCAL, {}, 'open')).toEqual(LOCAL.map(() => true));
    expect(answers(FOREIGN, {}, 'open')).toEqual(FOREIGN.map(() => false));
  });

  it('are besides those that the application names, on any port, and the hosts of its origins', () => {
    const options = { allowedHosts: ['Ops.internal', '[::1]'], origins: ['https://ops.example.com'] };
    const own = [
      'ops.internal',
      'OPS.INTERNAL:8443',
      'ops.internal.',
      'ops.example.com',
      'ops.example.com:3000',
    ];
    expect(answers([...own, ...LOCAL], options, 'open')).toEqual([...own, ...LOCAL].map(() => true));
    expect(answers(FOREIGN, options, 'open')).toEqual(FOREIGN.map(() => false));
  });
});

describe('the hosts of an API with guards', () => {
  it('are any, unless the application names them', () => {
    expect(answers(FOREIGN, {}, undefined)).toEqual(FOREIGN.map(() => true));
    expect(answers(FOREIGN, { allowedHosts: ['ops.internal'] }, 'global-guards')).toEqual(
      FOREIGN.map(() => false),
    );
  });
});

it('a name of a host has no port and no path', () => {
  expect(['ops.internal', 'Ops.Internal.', '[::1]', '10.0.0.1'].map(isHostName)).toEqual(Array(4).fill(true));
  expect(
    ['ops.internal:80', 'http://ops.internal', 'ops.internal/x', '', '*.internal x'].map(isHostName),
  ).toEqual(Array(5).fill(false));
});
