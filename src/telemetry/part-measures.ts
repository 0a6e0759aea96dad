import type { Attributes } from '@opentelemetry/api';
import type { DurationSeries, Durations } from './durations.js';
import { keptIn } from './kept-in.js';
import type { CountedSeries, ReadCounter } from './read-counter.js';

/** A counter of a part of the package: how often something happened in this process. */
export interface PartCounter {
  /** `nestjs_integration.parcels.returned` */
  readonly name: string;
  readonly description: string;
  /** A noun in braces: `{parcel}`. */
  readonly unit: string;
}

/** How long something of a part takes in this process, in seconds. */
export interface PartDurations {
  /** `nestjs_integration.parcels.return.duration` */
  readonly name: string;
  readonly description: string;
}

/** The instruments that one engine has for what its parts count and time. */
export interface PartInstruments {
  counterOf(counter: PartCounter): ReadCounter;
  durationsOf(durations: PartDurations): Durations;
}

/** The series of one instrument, by their attributes. There must be few of them. */
class SeriesOf<S> {
  private readonly all = new Map<string, S>();

  constructor(private readonly make: (attributes: Attributes) => S) {}

  of(attributes: Attributes): S {
    return keptIn(this.all, JSON.stringify(attributes), () => this.make(attributes));
  }
}

/** What the parts of an engine count and time. It does nothing while metrics are off. */
export class PartMeasures {
  private readonly counted = new Map<PartCounter, SeriesOf<CountedSeries>>();
  private readonly timed = new Map<PartDurations, SeriesOf<DurationSeries>>();

  /** What is not among these is not reported. */
  constructor(
    private readonly counters: readonly PartCounter[],
    private readonly durations: readonly PartDurations[],
  ) {}

  /** Called once the application has booted, if metrics are on. */
  start(instruments: PartInstruments, ofEngine: Attributes): void {
    for (const each of this.counters) {
      const counter = instruments.counterOf(each);
      this.counted.set(each, new SeriesOf((own) => counter.series({ ...ofEngine, ...own })));
    }
    for (const each of this.durations) {
      const durations = instruments.durationsOf(each);
      this.timed.set(each, new SeriesOf((own) => durations.series({ ...ofEngine, ...own })));
    }
  }

  /** Something has happened once, or `times`. */
  count(counter: PartCounter, attributes: Attributes, times = 1): void {
    const series = this.counted.get(counter)?.of(attributes);
    if (series !== undefined) series.count += times;
  }

  /** Something has taken so long. */
  time(durations: PartDurations, attributes: Attributes, seconds: number): void {
    this.timed.get(durations)?.of(attributes).record(seconds);
  }
}
