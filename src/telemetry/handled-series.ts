import type { Attributes, Counter } from '@opentelemetry/api';
import type { DurationSeries, Durations } from './durations.js';
import { errorTypeOf } from './error-type.js';
import { type AttemptEnd, type AttemptObserver, type HandledAttempt, isFailure } from './handled-message.js';
import { keptIn } from './kept-in.js';
import type { KnownEventNames } from './known-event-names.js';
import { ATTRIBUTES as A } from './names.js';
import type { CountedSeries, ReadCounter } from './read-counter.js';

interface Instruments {
  /** Attributes of every value. */
  readonly ofEngine: Attributes;
  readonly names: KnownEventNames;
  readonly consumed: ReadCounter;
  readonly processDuration: Durations;
  readonly latency: Durations;
  readonly duplicates: Counter;
}

/**
 * What is counted of one event name in one partition of a consumer. It observes all attempts at such events,
 * so an attempt needs no object of its own.
 */
export class HandledSeries implements AttemptObserver {
  readonly surrounds = false;
  private readonly consumed: CountedSeries;
  private readonly latency: DurationSeries;
  private readonly durations = new Map<string, DurationSeries>();

  constructor(
    private readonly all: AllHandledSeries,
    private readonly consumerName: string,
    private readonly partition: number,
    private readonly eventName: string,
    private readonly instruments: Instruments,
    private readonly attributes: Attributes,
  ) {
    this.consumed = instruments.consumed.series(attributes);
    this.latency = instruments.latency.series(attributes);
  }

  isOf(consumerName: string, partition: number, eventName: string): boolean {
    return this.eventName === eventName && this.partition === partition && this.consumerName === consumerName;
  }

  run<R>(fn: () => R): R {
    return fn();
  }

  /** A handler is called with such an event. */
  begun(): void {
    this.consumed.count++;
  }

  ended({ delivery, others, beganAt }: HandledAttempt, end: AttemptEnd): void {
    const seconds = beganAt === undefined ? 0 : (performance.now() - beganAt) / 1_000;
    this.durationOf(end).record(seconds);
    if (end.kind === 'elsewhere') this.instruments.duplicates.add(1 + others.length, this.attributes);
    if (end.kind !== 'processed' && end.kind !== 'skipped') return;
    const now = Date.now();
    this.done(delivery.latencyFrom, now);
    for (const { log, latencyFrom } of others)
      this.all.of(this.consumerName, this.partition, log.eventName).done(latencyFrom, now);
  }

  /** Such an event is done. Times are in milliseconds since 1970. */
  private done(latencyFrom: number | undefined, now: number): void {
    if (latencyFrom === undefined) return;
    // The clocks of two machines differ.
    this.latency.record(Math.max(0, now - latencyFrom) / 1_000);
  }

  /** The durations of attempts that ended so. */
  private durationOf(end: AttemptEnd): DurationSeries {
    // Errors have many types, so they are not kept.
    if (isFailure(end)) return this.made({ [A.errorType]: errorTypeOf(end.error), [A.outcome]: end.kind });
    return this.durations.get(end.kind) ?? this.keptDurationOf(end.kind);
  }

  private keptDurationOf(kind: string): DurationSeries {
    return keptIn(this.durations, kind, () => this.made({ [A.outcome]: kind }));
  }

  private made(more: Attributes): DurationSeries {
    return this.instruments.processDuration.series({ ...this.attributes, ...more });
  }
}

/**
 * The series of handled events, found without making a text or an object. They are bounded by the partitions
 * that the process has had, and the event names that are told apart.
 */
export class AllHandledSeries {
  private readonly byConsumer = new Map<string, Map<number, Map<string, HandledSeries>>>();

  /** Events of one kind often come one after the other. */
  private last: HandledSeries | undefined;

  constructor(private readonly instruments: Instruments) {}

  /** A handler is called. Returns the series of the first event. */
  begun({ delivery, others }: HandledAttempt, partition: number): HandledSeries {
    const { consumerName } = delivery.subscription;
    const series = this.of(consumerName, partition, delivery.log.eventName);
    series.begun();
    for (const { log } of others) this.of(consumerName, partition, log.eventName).begun();
    return series;
  }

  of(consumerName: string, partition: number, eventName: string): HandledSeries {
    if (this.last?.isOf(consumerName, partition, eventName)) return this.last;
    this.last =
      this.byConsumer.get(consumerName)?.get(partition)?.get(eventName) ??
      this.limited(consumerName, partition, this.instruments.names.of(eventName));
    return this.last;
  }

  private limited(consumerName: string, partition: number, name: string): HandledSeries {
    const byPartition = keptIn(this.byConsumer, consumerName, () => new Map());
    const byName = keptIn(byPartition, partition, () => new Map<string, HandledSeries>());
    return keptIn(byName, name, () => {
      // An SDK sorts the names of attributes each time, which takes less time if they are sorted already.
      const attributes = {
        [A.consumer]: consumerName,
        [A.destination]: name,
        [A.partition]: String(partition),
        [A.operationName]: 'process',
        ...this.instruments.ofEngine,
      };
      return new HandledSeries(this, consumerName, partition, name, this.instruments, attributes);
    });
  }
}
