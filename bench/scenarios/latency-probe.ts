import { percentile } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { delays } from '../harness/time-log.js';
import { PLAIN_OPTIONS, type PublishRoute, type SystemOptions } from '../systems/measured-system.js';
import type { SystemName } from '../systems/systems.js';
import { withFreshSystem } from './fresh-system.js';
import type { Bench } from './scenario.js';

const HANDLED_LIMIT_MS = 30_000;

/** So many events at so many a second. */
interface Pace {
  events: number;
  rate: number;
}

export interface LatencyProbe {
  system: SystemName;
  route: PublishRoute;
  /** Publish in the process that handles, or in another one. */
  from: 'same process' | 'another process';
  /** Measured one after another in the same process. */
  rounds: number;
  /** Measured in a round. */
  events: number;
  /**
   * What comes before the first round and is not counted: a process that has just started is not in its stride, nor is a connection that
   * has just been opened.
   */
  warmUp: Pace;
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

/** Milliseconds from the return of the commit to the first line of the handler; a result per round. */
export function probeLatency(bench: Bench, probe: LatencyProbe): Promise<Latency[]> {
  const options = { ...PLAIN_OPTIONS, hostClient: probe.hostClient ?? 'pg' };
  return withFreshSystem(bench, probe.system, options, async (consumer, { url }) => {
    await consumer.call('install');
    const start = () => consumer.call('startConsuming');
    if (probe.from === 'same process') {
      await start();
      return measureRounds(consumer, consumer, probe);
    }
    const [publisher] = await Promise.all([SystemProcess.start(probe.system, { ...options, url }), start()]);
    return measureRounds(publisher, consumer, probe).finally(() => publisher.end());
  });
}

async function measureRounds(
  publisher: SystemProcess,
  consumer: SystemProcess,
  { route, rate, writers, events, warmUp, rounds }: LatencyProbe,
): Promise<Latency[]> {
  let first = 1;
  const measure = async (pace: Pace): Promise<Latency> => {
    const { rate, events: count } = pace;
    const published = await publisher.call('publishPaced', { route, rate, writers, from: first, count });
    const expected = first + count - 1;
    const handled = await consumer.call('handledUntil', { expected, limitMs: HANDLED_LIMIT_MS });
    const times = delays(published, handled);
    if (times.length < count)
      throw new Error(`${count - times.length} of ${count} probes were not handled in time`);
    first += count;
    return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), events: count };
  };
  const found: Latency[] = [];
  await measure(warmUp);
  while (found.length < rounds) found.push(await measure({ events, rate }));
  return found;
}
