import { ATTRIBUTES as A } from '../../telemetry/names.js';
import type { PartCounter, PartMeasures } from '../../telemetry/part-measures.js';
import { COUNTED, type RelayCounts } from './relay-counts.js';

const counter = (name: string, description: string): PartCounter => ({
  name: `nestjs_integration.relay.${name}`,
  description,
  unit: '{message}',
});

const COUNTERS: Readonly<Record<keyof RelayCounts, PartCounter>> = {
  accepted: counter('accepted', 'Messages of relays that a broker has accepted.'),
  refused: counter('refused', 'Messages of relays that a broker has refused.'),
  duplicates: counter('duplicates', 'Messages of relays that a broker had before, and has dropped.'),
  unaccepted: counter(
    'unaccepted',
    'Messages of relays that a broker has neither accepted nor refused in time.',
  ),
};

export const RELAY_COUNTERS: readonly PartCounter[] = Object.values(COUNTERS);

/** What OpenTelemetry hears of one relay. */
export class RelayMetrics {
  constructor(
    private readonly measures: PartMeasures,
    private readonly consumerName: string,
  ) {}

  count(counts: RelayCounts): void {
    for (const what of COUNTED)
      if (counts[what] > 0)
        this.measures.count(COUNTERS[what], { [A.consumer]: this.consumerName }, counts[what]);
  }
}
