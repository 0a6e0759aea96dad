import { median } from '../harness/statistics.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
import { type Latency, probeLatency } from './latency-probe.js';
import type { Bench, Scenario } from './scenario.js';

const RATE = 2_000;
const WRITERS = 32;
const WARM_UP_SECONDS = 2;

export const latencyLoad: Scenario = {
  name: 'latency-load',
  promise: `milliseconds from commit to handler under a steady ${RATE} events a second, published in another process`,
  run: async (bench: Bench) => {
    const systems: SystemName[] = ['integration', 'row-queue-notify', 'graphile-worker-best', 'pg-boss-best'];
    const found = new Map<SystemName, Latency[]>(systems.map((system) => [system, []]));
    for (let round = 0; round < bench.sizes.rounds; round++)
      for (const system of round < bench.sizes.reportedRounds ? systems : systems.slice(0, 1))
        found.get(system)?.push(
          await probeLatency(bench, {
            system,
            route: 'pg',
            from: 'another process',
            events: RATE * (bench.sizes.quick ? 1 : 10),
            warmUp: RATE * WARM_UP_SECONDS,
            rate: RATE,
            writers: WRITERS,
          }),
        );
    const middle = (system: SystemName, of: 'p50' | 'p99') =>
      median((found.get(system) ?? []).map((latency) => latency[of]));
    bench.report.table(
      `Commit to handler under ${RATE} events/s, ms`,
      ['system', 'p50', 'p99'],
      systems.map((system) => [systemEntry(system).label, middle(system, 'p50'), middle(system, 'p99')]),
    );
    bench.report.detail('latency-load', Object.fromEntries(found));
    bench.report.atMost('latency-load-p99-ms', middle('integration', 'p99'), 25);
  },
};
