import { rootCertificates } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { IntegrationError } from '../errors.js';
import { checkNetworkRules, type NetworkRules, problemsOfNetworkRules } from './network-rules.js';

function problemsOf(rules: object): unknown {
  try {
    checkNetworkRules(rules as NetworkRules);
    return [];
  } catch (error) {
    if (error instanceof IntegrationError && error.code === 'INTEGRATION_OPTIONS_INVALID')
      return error.details.problems;
    throw error;
  }
}

describe('the rules of the network are refused at the boot', () => {
  it.each<[object, RegExp]>([
    [{ allows: [] }, /allows is not a rule of the network.*did you mean allow/],
    [{ allow: '10.0.0.0/8' }, /allow must be a list/],
    [{ allow: ['10.0.0.0/33'] }, /"10\.0\.0\.0\/33", which is neither an address/],
    [{ allow: ['10.0.0'] }, /"10\.0\.0", which is neither/],
    [{ allow: ['10.0.0.0/8/8'] }, /which is neither/],
    [{ allow: ['fd00::/129'] }, /which is neither/],
    [{ allow: ['fe80::1%eth0'] }, /a zone/],
    [{ allow: ['::ffff:10.0.0.1'] }, /stands for IPv4/],
    [{ allow: ['*.internal'] }, /a pattern/],
    [{ allow: ['http://hooks.internal'] }, /which is neither/],
    [{ allow: ['hooks.internal:8080'] }, /which is neither/],
    [{ allow: ['hooks internal'] }, /not the name of a host/],
    [{ allow: [''] }, /not the name of a host/],
    [{ allow: ['0x7f.1'] }, /not the name of a host/],
    [{ http: 'yes' }, /http must be true or false/],
    [{ ports: [] }, /ports must be a list/],
    [{ ports: ['443'] }, /ports must be a list/],
    [{ ports: [0] }, /ports must be a list/],
    [{ ca: '/etc/ca.pem' }, /ca must have certificates in PEM, not the name of a file/],
    [{ ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }, /cannot be read/],
    [{ proxy: 'proxy:3128' }, /proxy must be a URL/],
    [{ proxy: 'socks5://proxy:1080' }, /proxy must be a URL/],
    [{ proxy: 'http://proxy:3128/path' }, /without a path/],
  ])('%j', (rules, problem) => {
    expect(problemsOf(rules)).toEqual([expect.stringMatching(problem)]);
  });

  it('all at once, under the name of their option, and without the password of a proxy', () => {
    const problems = problemsOfNetworkRules(
      { http: 1, ports: [], proxy: 'ftp://user:hunter2@proxy' } as unknown as NetworkRules,
      'outgoing.network.',
    );
    expect(problems).toHaveLength(3);
    expect(problems.every((each) => each.startsWith('outgoing.network.'))).toBe(true);
    expect(problems.join()).not.toContain('hunter2');
    expect(problemsOfNetworkRules(null as unknown as NetworkRules, 'outgoing.network.')).toEqual([
      'outgoing.network must be an object',
    ]);
  });
});

describe('the rules of the network', () => {
  it('may be left out, and are strict then', () => {
    const rules = checkNetworkRules();
    expect([rules.http, rules.proxy, rules.ca]).toEqual([false, undefined, undefined]);
    expect([25, 80, 443, 1_023, 1_024, 65_535].map((port) => rules.allowsPort(port))).toEqual([
      false,
      false,
      true,
      false,
      true,
      true,
    ]);
  });

  it('take ports as the only ones', () => {
    const rules = checkNetworkRules({ ports: [443, 444] });
    expect([443, 444, 8_443].map((port) => rules.allowsPort(port))).toEqual([true, true, false]);
  });

  it('take names in any spelling, and for themselves alone', () => {
    const rules = checkNetworkRules({ allow: ['Hooks.Internal.', 'bücher.internal', 'localhost'] });
    expect(
      ['hooks.internal', 'xn--bcher-kva.internal', 'localhost', 'a.hooks.internal', 'internal'].map((name) =>
        rules.allowsName(name),
      ),
    ).toEqual([true, true, true, false, false]);
  });

  it('trust the authorities of Node as well', () => {
    const [own = ''] = rootCertificates;
    const rules = checkNetworkRules({ ca: own });
    expect(rules.ca).toEqual(expect.arrayContaining([...rootCertificates]));
    expect(rules.ca?.at(-1)).toBe(own);
  });
});
