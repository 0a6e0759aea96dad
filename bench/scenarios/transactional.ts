import { median } from '../harness/statistics.js';
import { type BacklogDrain, drainInRounds, medianRatio } from './backlog-drain.js';
import type { Bench, Scenario } from './scenario.js';

export const transactional: Scenario = {
  name: 'transactional',
  promise:
    'a transactional handler that inserts one row, one by one and in batches of 100, against the sequential outbox doing the same',
  run: async (bench: Bench) => {
    // So many that the first second, in which nothing is compiled yet, does not decide; a slow one needs fewer to show its pace.
    const events = bench.sizes.quick ? 4_500 : 60_000;
    const sequential: BacklogDrain = {
      system: 'sequential',
      events: bench.sizes.quick ? 300 : 10_000,
      options: { work: 'insert-row' },
      toTheEnd: true,
    };
    const single: BacklogDrain = {
      system: 'integration',
      events,
      options: { work: 'insert-row' },
      toTheEnd: true,
    };
    const batches: BacklogDrain = {
      system: 'integration',
      events,
      options: { work: 'insert-row-in-batches' },
      toTheEnd: true,
    };
    const rates = await drainInRounds(bench, [sequential, single, batches]);
    const of = (drain: BacklogDrain) => rates.get(drain) ?? [];

    bench.report.table(
      'Transactional handler, one row per event, exactly once in effect',
      ['system', 'events/s', '× the sequential outbox'],
      [
        ['sequential outbox', median(of(sequential)), 1],
        [
          'nestjs-integration, one event a transaction',
          median(of(single)),
          medianRatio(of(single), of(sequential)),
        ],
        ['nestjs-integration, batches of 100', median(of(batches)), medianRatio(of(batches), of(sequential))],
      ],
    );
    bench.report.detail('transactional', {
      events,
      sequential: of(sequential),
      single: of(single),
      batches: of(batches),
    });
    bench.report.atLeast('transactional-vs-sequential', medianRatio(of(single), of(sequential)), 3);
    bench.report.atLeast('transactional-batch-vs-sequential', medianRatio(of(batches), of(sequential)), 10);
  },
};
