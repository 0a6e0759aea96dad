import { ATTRIBUTES as A } from '../../telemetry/names.js';
import type { PartCounter, PartDurations, PartMeasures } from '../../telemetry/part-measures.js';
import type { RunCounts } from './stream.js';

const counter = (name: string, description: string, unit: string): PartCounter => ({
  name: `nestjs_integration.syncs.${name}`,
  description,
  unit,
});

const COUNTERS = {
  runs: counter('runs', 'Runs of syncs that this process has ended.', '{run}'),
  records: counter('records', 'Records of pages that were saved, and what became of them.', '{record}'),
};

const page: PartDurations = {
  name: 'nestjs_integration.syncs.page.duration',
  description: 'Time in which a page of a sync was saved.',
};

export const SYNC_COUNTERS: readonly PartCounter[] = Object.values(COUNTERS);
export const SYNC_DURATIONS: readonly PartDurations[] = [page];

/** `hris.employees`. Connectors and their syncs are few, and connections may be many. */
const SYNC = 'nestjs_integration.sync';

/** What OpenTelemetry hears of syncs. */
export class SyncMetrics {
  constructor(private readonly measures: Pick<PartMeasures, 'count' | 'time'>) {}

  ended(sync: string, outcome: string): void {
    this.measures.count(COUNTERS.runs, { [SYNC]: sync, [A.outcome]: outcome });
  }

  saved(sync: string, { added, updated, deleted, unchanged, problems }: RunCounts, ms: number): void {
    for (const [outcome, count] of Object.entries({ added, updated, deleted, unchanged, problems }))
      if (count > 0) this.measures.count(COUNTERS.records, { [SYNC]: sync, [A.outcome]: outcome }, count);
    this.measures.time(page, { [SYNC]: sync }, ms / 1_000);
  }
}
