import { expect, it } from '@jest/globals';
import { type Found, findingOf } from '../maintenance/finding.js';
import { problemsOfFindings } from './finding-problems.js';

const found = (consumerName: string, more: Partial<Found> = {}): Found => ({
  about: [consumerName],
  finding: `The lease of ${consumerName} is incomplete.`,
  meaning: 'Nobody may claim it.',
  fix: 'Free it.',
  details: { consumerName },
  ...more,
});
const RESUME = { service: 'ConsumerService', method: 'resume', arguments: ['a'] } as const;
const check = (name: string) => ({ name, severity: 'warning' as const, run: async () => [] });

it('findings of one check are one problem, for which the worst of them stands', () => {
  const since = new Date(Date.UTC(2026, 10, 27));
  const findings = [
    findingOf(check('leases'), found('a', { action: RESUME })),
    findingOf(check('leases'), found('b', { severity: 'critical', since })),
    findingOf(check('maintenance-late'), found('c', { finding: 'It is late.', details: {}, action: RESUME })),
  ];
  expect(problemsOfFindings(findings)).toMatchObject([
    {
      key: 'finding/leases',
      severity: 'critical',
      check: 'leases',
      since,
      says: 'The lease of b is incomplete; and 1 more like it',
      consumers: { count: 2, first: ['a', 'b'] },
      action: null,
    },
    {
      key: 'finding/maintenance-late',
      severity: 'warning',
      says: 'It is late',
      consumers: { count: 0 },
      action: RESUME,
    },
  ]);
});

it('what the states of consumers say is not said twice', () => {
  const twice = ['orphaned-consumer', 'unserved-consumer'].map((name) => findingOf(check(name), found('a')));
  expect(problemsOfFindings(twice)).toEqual([]);
});
