import { median } from '../harness/statistics.js';
import { PLAIN_OPTIONS } from '../systems/measured-system.js';
import { medianRatio } from './backlog-drain.js';
import { withFreshSystem } from './fresh-system.js';
import type { Bench, Scenario } from './scenario.js';

const WRITERS = 64;

export const publishConcurrent: Scenario = {
  name: 'publish-concurrent',
  promise: `${WRITERS} concurrent writers with wake-up on, against the commits per second of bare INSERTs`,
  run: async (bench: Bench) => {
    const options = { ...PLAIN_OPTIONS, consumers: 3 };
    const result = await withFreshSystem(bench, 'integration', options, async (process) => {
      await process.call('install');
      return process.call('countCommits', {
        writers: WRITERS,
        seconds: bench.sizes.quick ? 0.7 : 2.5,
        rounds: bench.sizes.quick ? 3 : 5,
      });
    });
    const share = medianRatio(result.system, result.bare);
    bench.report.table(
      `${WRITERS} writers at once, one event a transaction`,
      ['', 'commits/s', 'share'],
      [
        ['bare INSERT', median(result.bare), 1],
        ['publishing', median(result.system), share],
      ],
    );
    bench.report.detail('publish-concurrent', result);
    bench.report.atLeast('publish-64-writers-vs-bare-commits', share, 0.95);
  },
};
