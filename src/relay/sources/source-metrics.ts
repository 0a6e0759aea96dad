import { ATTRIBUTES as A } from '../../telemetry/names.js';
import type { PartCounter, PartMeasures } from '../../telemetry/part-measures.js';

const counter = (name: string, description: string): PartCounter => ({
  name: `nestjs_integration.source.${name}`,
  description,
  unit: '{message}',
});

const COUNTERS = {
  stored: counter('stored', 'Messages that sources have stored as events.'),
  repeated: counter('repeated', 'Messages that sources had stored before.'),
  rejected: counter('rejected', 'Messages that are no events, which sources have stored as rejected.'),
};

export const SOURCE_COUNTERS: readonly PartCounter[] = Object.values(COUNTERS);

export type SourceCounts = Readonly<Record<keyof typeof COUNTERS, number>>;

/** What OpenTelemetry hears of one source. */
export class SourceMetrics {
  constructor(
    private readonly measures: PartMeasures,
    private readonly leaseName: string,
  ) {}

  count(counts: SourceCounts): void {
    for (const what of ['stored', 'repeated', 'rejected'] as const)
      if (counts[what] > 0)
        this.measures.count(COUNTERS[what], { [A.consumer]: this.leaseName }, counts[what]);
  }
}
