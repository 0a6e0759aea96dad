import { ATTRIBUTES as A } from '../telemetry/names.js';
import type { PartCounter, PartDurations, PartMeasures } from '../telemetry/part-measures.js';

const counter = (name: string, description: string, unit: string): PartCounter => ({
  name: `nestjs_integration.schedules.${name}`,
  description,
  unit,
});

const COUNTERS = {
  published: counter('published', 'Times of schedules that were published.', '{time}'),
  skipped: counter(
    'skipped',
    'Times of schedules that were skipped, because the event before was not done.',
    '{time}',
  ),
  refused: counter(
    'refused',
    'Schedules that were due and whose event could not be published.',
    '{schedule}',
  ),
};

const delay: PartDurations = {
  name: 'nestjs_integration.schedules.delay',
  description: 'Time from when a schedule was due until its event was published.',
};

export const SCHEDULE_COUNTERS: readonly PartCounter[] = Object.values(COUNTERS);
export const SCHEDULE_DURATIONS: readonly PartDurations[] = [delay];

/** What OpenTelemetry hears of schedules. Consumers are few, and schedules may be many. */
export class ScheduleMetrics {
  constructor(private readonly measures: Pick<PartMeasures, 'count' | 'time'>) {}

  published(consumer: string, delayMs: number): void {
    const of = { [A.consumer]: consumer };
    this.measures.count(COUNTERS.published, of);
    this.measures.time(delay, of, delayMs / 1_000);
  }

  skipped(consumer: string, times: number): void {
    for (let i = 0; i < times; i++) this.measures.count(COUNTERS.skipped, { [A.consumer]: consumer });
  }

  refused(consumer: string): void {
    this.measures.count(COUNTERS.refused, { [A.consumer]: consumer });
  }
}
