import { percentile } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { delays, from } from '../harness/time-log.js';
import { PLAIN_OPTIONS, type PublishRoute, type SystemOptions } from '../systems/measured-system.js';
import type { SystemName } from '../systems/systems.js';
import type { Bench } from './scenario.js';

const HANDLED_LIMIT_MS = 30_000;

export interface LatencyProbe {
  system: SystemName;
  route: PublishRoute;
  /** Publish in the process that handles, or in another one. */
  from: 'same process' | 'another process';
  events: number;
  /** Events that come before them at the same rate and are not counted: a process that has just started is not in its stride. */
  warmUp: number;
  /** Events a second. */
  rate: number;
  writers: number;
  hostClient?: SystemOptions['hostClient'];
}

export interface Latency {
  p50: number;
  p99: number;
  events: number;
}

/** Milliseconds from the return of the commit to the first line of the handler. */
export async function probeLatency(bench: Bench, probe: LatencyProbe): Promise<Latency> {
  return bench.server.withDatabase(async (database) => {
    const options = { ...PLAIN_OPTIONS, url: database.url, hostClient: probe.hostClient ?? 'pg' };
    return SystemProcess.with(probe.system, options, async (consumer) => {
      await consumer.call('install');
      await consumer.call('startConsuming');
      const measure = (publisher: SystemProcess) => measureBetween(publisher, consumer, probe);
      return probe.from === 'same process'
        ? measure(consumer)
        : SystemProcess.with(probe.system, options, measure);
    });
  });
}

async function measureBetween(
  publisher: SystemProcess,
  consumer: SystemProcess,
  { route, rate, writers, events, warmUp }: LatencyProbe,
): Promise<Latency> {
  const count = warmUp + events;
  const published = await publisher.call('publishPaced', { route, rate, writers, from: 1, count });
  const handled = await consumer.call('handledUntil', { expected: count, limitMs: HANDLED_LIMIT_MS });
  const times = delays(from(warmUp + 1, published), handled);
  if (times.length < events)
    throw new Error(`${events - times.length} of ${events} probes were not handled in time`);
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), events };
}
