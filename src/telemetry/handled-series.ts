import type { Attributes } from '@opentelemetry/api';
import type { DurationSeries, Durations } from './durations.js';
import { errorTypeOf } from './error-type.js';
import { type AttemptEnd, isFailure } from './handled-message.js';
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
}

/** What is counted of one event name in one partition of a consumer. */
export class HandledSeries {
  readonly consumed: CountedSeries;
  readonly latency: DurationSeries;
  private readonly durations = new Map<string, DurationSeries>();

  constructor(
    private readonly instruments: Instruments,
    readonly attributes: Attributes,
  ) {
    this.consumed = instruments.consumed.series(attributes);
    this.latency = instruments.latency.series(attributes);
  }

  /** The durations of attempts that ended so. */
  durationOf(end: AttemptEnd): DurationSeries {
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

  constructor(private readonly instruments: Instruments) {}

  of(consumerName: string, partition: number, eventName: string): HandledSeries {
    return (
      this.byConsumer.get(consumerName)?.get(partition)?.get(eventName) ??
      this.limited(consumerName, partition, this.instruments.names.of(eventName))
    );
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
      return new HandledSeries(this.instruments, attributes);
    });
  }
}
