import { median } from '../harness/statistics.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
import { type Latency, probeInTurn } from './latency-probe.js';
import type { Bench, Scenario } from './scenario.js';

const RATE = 2_000;
const WRITERS = 32;

/** A quick run takes its rounds in one process; a full run, each in another. */
function sizesFor({ sizes }: Bench) {
  return sizes.quick
    ? { processes: 1, rounds: sizes.rounds, events: RATE, warmUp: { events: RATE / 2, rate: RATE } }
    : { processes: sizes.rounds, rounds: 1, events: 8 * RATE, warmUp: { events: 2 * RATE, rate: RATE } };
}

export const latencyLoad: Scenario = {
  name: 'latency-load',
  promise: `milliseconds from commit to handler under a steady ${RATE} events a second, published in another process`,
  run: async (bench: Bench) => {
    const others = ['row-queue-notify', 'graphile-worker-best', 'pg-boss-best'] as const;
    const systems: SystemName[] = ['integration', ...(bench.sizes.quick ? [] : others)];
    const found = new Map<SystemName, Latency[]>(systems.map((system) => [system, []]));
    const { processes, rounds, ...pace } = sizesFor(bench);
    const probeOf = (system: SystemName) =>
      ({ ...pace, system, route: 'pg', from: 'another process', rate: RATE, writers: WRITERS }) as const;
    for (let turn = 0; turn < processes; turn++)
      for (const system of turn === 0 ? systems : systems.slice(0, 1)) {
        const [latencies = []] = await probeInTurn(bench, [probeOf(system)], rounds);
        found.get(system)?.push(...latencies);
      }
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
