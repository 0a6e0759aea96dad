import type { Attributes, BatchObservableResult, Meter } from '@opentelemetry/api';
import { ATTRIBUTES as A, METRICS as M } from './names.js';

/** The state of the whole cluster at one time. */
export interface ClusterReading {
  readonly consumers: readonly PartitionReading[];
  readonly logPosition: number;
  readonly oldestHoleSeconds: number;
  readonly processes: number;
  /** Those of them that take consumers. */
  readonly processesHandling: number;
  /** How many findings of each severity the last look of `doctor` had. */
  readonly findings: Readonly<Record<string, number>>;
}

export interface PartitionReading {
  readonly consumerName: string;
  readonly partition: number;
  readonly backlog: number;
  readonly lagSeconds: number;
  readonly deadLetters: number;
  readonly isPaused: boolean;
}

/** Who reads the state of the cluster. */
export interface ReadableCluster {
  /** Resolves soon, to undefined if the state could not be read. */
  read(): Promise<ClusterReading | undefined>;
  /** Seconds since the state was last read, or since the start. */
  readonly readingAge: number;
}

type Gauges = ReturnType<typeof gaugesOf>;

function gaugesOf(meter: Meter) {
  const gauge = (name: string, description: string, unit: string) =>
    meter.createObservableGauge(name, { description, unit });
  return {
    backlog: gauge(M.backlog, 'Events of the log that a consumer has not done.', '{event}'),
    lag: gauge(M.lag, 'How long the oldest event that a consumer has not done is late.', 's'),
    dead: gauge(M.deadLetters, 'Dead letters of a consumer.', '{event}'),
    paused: gauge(M.paused, 'Whether a consumer is paused.', '{consumer}'),
    position: gauge(M.logPosition, 'Last position of the log.', '{event}'),
    hole: gauge(M.oldestHole, 'Age of the oldest gap that an open transaction keeps.', 's'),
    processes: gauge(M.processes, 'Processes that are alive.', '{process}'),
    handling: gauge(M.processesHandling, 'Live processes that take consumers.', '{process}'),
    findings: gauge(M.findings, 'What the last look of doctor has found, by severity.', '{finding}'),
    age: gauge(M.readingAge, 'Time since the state of the cluster was last read.', 's'),
  };
}

/** The gauges whose values come from the database. */
export class ClusterGauges {
  private readonly gauges: Gauges;

  /** The partitions that were reported, each with its reading. */
  private readonly reported = new Map<string, PartitionReading>();

  constructor(
    private readonly meter: Meter,
    private readonly ofEngine: Attributes,
  ) {
    this.gauges = gaugesOf(meter);
  }

  observe(watch: ReadableCluster): void {
    this.meter.addBatchObservableCallback(async (result) => {
      const reading = await watch.read();
      if (reading !== undefined) this.report(result, reading);
      // An SDK repeats what a gauge had last, so values that stand still look like values that hold.
      result.observe(this.gauges.age, watch.readingAge, this.ofEngine);
    }, Object.values(this.gauges));
  }

  private report(result: BatchObservableResult, reading: ClusterReading): void {
    for (const each of this.withGone(reading.consumers)) this.reportPartition(result, each);
    const { gauges, ofEngine } = this;
    result.observe(gauges.position, reading.logPosition, ofEngine);
    result.observe(gauges.hole, reading.oldestHoleSeconds, ofEngine);
    result.observe(gauges.processes, reading.processes, ofEngine);
    result.observe(gauges.handling, reading.processesHandling, ofEngine);
    for (const [severity, number] of Object.entries(reading.findings))
      result.observe(gauges.findings, number, { ...ofEngine, [A.severity]: severity });
  }

  private reportPartition(result: BatchObservableResult, each: PartitionReading): void {
    const { gauges } = this;
    const ofConsumer = { ...this.ofEngine, [A.consumer]: each.consumerName };
    const attributes = { ...ofConsumer, [A.partition]: String(each.partition) };
    result.observe(gauges.backlog, each.backlog, attributes);
    result.observe(gauges.lag, each.lagSeconds, attributes);
    result.observe(gauges.dead, each.deadLetters, attributes);
    result.observe(gauges.paused, each.isPaused ? 1 : 0, ofConsumer);
  }

  /**
   * Returns the partitions behind those that were reported and are gone. An SDK repeats the last values of a
   * removed consumer until the process ends, so the values of what is gone are zero. Gone partitions come
   * first, because a consumer that has others left is paused or not as these say.
   */
  private withGone(partitions: readonly PartitionReading[]): PartitionReading[] {
    const now = new Map(partitions.map((each) => [`${each.partition}/${each.consumerName}`, each]));
    const gone = [...this.reported]
      .filter(([key]) => !now.has(key))
      .map(([, each]) => ({ ...each, backlog: 0, lagSeconds: 0, deadLetters: 0, isPaused: false }));
    for (const [key, each] of now) this.reported.set(key, each);
    return [...gone, ...partitions];
  }
}
