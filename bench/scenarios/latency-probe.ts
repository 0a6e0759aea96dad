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

/**
 * Milliseconds from the return of the commit to the first line of the handler; a result per probe and round. All of them are warmed at
 * once and then measured in turn, while the others have nothing to do: what else the machine does for a while falls on each of them.
 */
export async function probeInTurn(
  bench: Bench,
  probes: readonly LatencyProbe[],
  rounds: number,
): Promise<Latency[][]> {
  return withAll(bench, probes, async (lines) => {
    await Promise.all(lines.map((line) => line.warmUp()));
    const found: Latency[][] = lines.map(() => []);
    for (let round = 0; round < rounds; round++)
      for (const [i, line] of lines.entries()) found[i]?.push(await line.measure());
    return found;
  });
}

/** Opens one after another, and ends all of them afterwards. */
function withAll<R>(
  bench: Bench,
  [probe, ...others]: readonly LatencyProbe[],
  use: (lines: ProbeLine[]) => Promise<R>,
): Promise<R> {
  if (probe === undefined) return use([]);
  return withLine(bench, probe, (line) => withAll(bench, others, (lines) => use([line, ...lines])));
}

function withLine<R>(bench: Bench, probe: LatencyProbe, use: (line: ProbeLine) => Promise<R>): Promise<R> {
  const options = { ...PLAIN_OPTIONS, hostClient: probe.hostClient ?? 'pg' };
  return withFreshSystem(bench, probe.system, options, async (consumer, { url }) => {
    await consumer.call('install');
    const start = () => consumer.call('startConsuming');
    if (probe.from === 'same process') {
      await start();
      return use(new ProbeLine(consumer, consumer, probe));
    }
    const [publisher] = await Promise.all([SystemProcess.start(probe.system, { ...options, url }), start()]);
    return use(new ProbeLine(publisher, consumer, probe)).finally(() => publisher.end());
  });
}

/** From one process that publishes to one that handles. */
class ProbeLine {
  private next = 1;

  constructor(
    private readonly publisher: SystemProcess,
    private readonly consumer: SystemProcess,
    private readonly probe: LatencyProbe,
  ) {}

  async warmUp(): Promise<void> {
    await this.run(this.probe.warmUp);
  }

  measure(): Promise<Latency> {
    return this.run(this.probe);
  }

  private async run({ events, rate }: Pace): Promise<Latency> {
    const { route, writers } = this.probe;
    const from = this.next;
    this.next += events;
    const published = await this.publisher.call('publishPaced', {
      route,
      rate,
      writers,
      from,
      count: events,
    });
    const expected = this.next - 1;
    const handled = await this.consumer.call('handledUntil', { expected, limitMs: HANDLED_LIMIT_MS });
    const times = delays(published, handled);
    if (times.length < events)
      throw new Error(`${events - times.length} of ${events} probes were not handled in time`);
    return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), events };
  }
}
