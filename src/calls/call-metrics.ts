import { ATTRIBUTES as A } from '../telemetry/names.js';
import type { PartCounter, PartDurations, PartMeasures } from '../telemetry/part-measures.js';
import { consumerOf } from './call-type.js';

const counter = (name: string, description: string, unit: string): PartCounter => ({
  name: `nestjs_integration.calls.${name}`,
  description,
  unit,
});

const COUNTERS = {
  attempts: counter('attempts', 'Methods of types of calls that have returned or failed.', '{attempt}'),
  ended: counter('ended', 'Calls that this process has ended.', '{call}'),
  kept: counter('kept', 'Reports that have changed nothing, or wait for their call.', '{report}'),
};

const attempt: PartDurations = {
  name: 'nestjs_integration.calls.attempt.duration',
  description: 'Time of a method of a type of calls.',
};

/** The method of a type of calls, in metrics. */
const METHOD = 'nestjs_integration.call.method';

export const CALL_COUNTERS: readonly PartCounter[] = Object.values(COUNTERS);
export const CALL_DURATIONS: readonly PartDurations[] = [attempt];

/** What OpenTelemetry hears of calls. Types are few. */
export class CallMetrics {
  constructor(private readonly measures: PartMeasures) {}

  attempted(type: string, method: string, outcome: 'success' | 'failure', ms: number): void {
    const of = { [A.consumer]: consumerOf(type), [METHOD]: method, [A.outcome]: outcome };
    this.measures.count(COUNTERS.attempts, of);
    this.measures.time(attempt, of, ms / 1_000);
  }

  ended(type: string, status: string): void {
    this.measures.count(COUNTERS.ended, { [A.consumer]: consumerOf(type), [A.outcome]: status });
  }

  kept(type: string): void {
    this.measures.count(COUNTERS.kept, { [A.consumer]: consumerOf(type) });
  }
}
