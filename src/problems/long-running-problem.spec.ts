import { expect, it } from '@jest/globals';
import type { LongRunning } from '../status/long-running.store.js';
import { problemOfLongRunning } from './long-running-problem.js';

const run = (consumerName: string, minute: number): LongRunning => ({
  consumerName,
  attempts: 1,
  since: new Date(Date.UTC(2026, 10, 27, 9, minute)),
  position: 812,
  attempt: 1,
  process: { id: '00000000-0000-7000-8000-000000000001', host: 'web-1', pid: 7 },
  sentence: `${consumerName} has run one attempt for long`,
});

it('attempts that run for long are one problem of all their consumers, with the longest in words', () => {
  expect(problemOfLongRunning([])).toEqual([]);
  expect(problemOfLongRunning([run('mail', 1)])).toMatchObject([
    { kind: 'long-running', says: 'mail has run one attempt for long', consumers: { count: 1 } },
  ]);
  expect(problemOfLongRunning([run('mail', 1), run('billing', 5)])).toMatchObject([
    {
      says: '2 consumers have run attempts for long, the longest: mail has run one attempt for long',
      since: run('mail', 1).since,
      consumers: { count: 2, first: ['billing', 'mail'] },
    },
  ]);
});
