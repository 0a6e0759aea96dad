import type { Attributes } from '@opentelemetry/api';
import { keptIn } from './kept-in.js';
import type { KnownEventNames } from './known-event-names.js';
import { ATTRIBUTES as A } from './names.js';
import type { CountedSeries, ReadCounter } from './read-counter.js';

/** Counts saved outcomes by consumer, event name and status. */
export class SavedOutcomes {
  private readonly byConsumer = new Map<string, Map<string | undefined, Map<string, CountedSeries>>>();

  constructor(
    private readonly counter: ReadCounter,
    private readonly names: KnownEventNames,
    private readonly ofEngine: Attributes,
  ) {}

  add(consumerName: string, eventName: string | undefined, status: string, events: number): void {
    const series =
      this.byConsumer.get(consumerName)?.get(eventName)?.get(status) ??
      this.limited(consumerName, eventName === undefined ? undefined : this.names.of(eventName), status);
    series.count += events;
  }

  private limited(consumerName: string, name: string | undefined, status: string): CountedSeries {
    const byName = keptIn(this.byConsumer, consumerName, () => new Map());
    const byStatus = keptIn(byName, name, () => new Map<string, CountedSeries>());
    return keptIn(byStatus, status, () => this.counter.series(this.attributesOf(consumerName, name, status)));
  }

  private attributesOf(consumerName: string, name: string | undefined, status: string): Attributes {
    return {
      ...this.ofEngine,
      [A.consumer]: consumerName,
      ...(name === undefined ? {} : { [A.destination]: name }),
      [A.outcome]: status,
    };
  }
}
