import { ATTRIBUTES as A } from '../telemetry/names.js';
import type { PartCounter, PartDurations, PartMeasures } from '../telemetry/part-measures.js';
import { consumerOf } from './saga-definition.js';
import type { SagaStatus } from './saga-instance.js';

const counter = (name: string, description: string, unit: string): PartCounter => ({
  name: `nestjs_integration.saga.${name}`,
  description,
  unit,
});

const COUNTERS = {
  steps: counter(
    'steps',
    'Handlers of sagas that have returned, by the step that the saga was in.',
    '{step}',
  ),
  ended: counter('ended', 'Sagas that have ended.', '{saga}'),
  waiting: counter('waiting', 'Events that came before their step, and were kept for it.', '{event}'),
};

const inStep: PartDurations = {
  name: 'nestjs_integration.saga.step.duration',
  description: 'Time that a saga was in a step before the next one, or before its end.',
};

/** The step of a saga, in metrics. A saga has few. */
const STEP = 'nestjs_integration.saga.step';

export const SAGA_COUNTERS: readonly PartCounter[] = Object.values(COUNTERS);
export const SAGA_DURATIONS: readonly PartDurations[] = [inStep];

/** A handler that has returned, and what it has made of its saga. */
export interface DoneStep {
  readonly before: string;
  readonly after: string;
  readonly status: SagaStatus;
  /** When the step before was done. Undefined where the saga began. */
  readonly since: Date | undefined;
}

/** What OpenTelemetry hears of one saga. It counts what is to be committed. */
export class SagaMetrics {
  constructor(
    private readonly measures: PartMeasures,
    private readonly saga: string,
  ) {}

  done({ before, after, status, since }: DoneStep): void {
    const of = { [A.consumer]: consumerOf(this.saga), [STEP]: before };
    this.measures.count(COUNTERS.steps, of);
    const isLeft = after !== before || status !== 'active';
    if (isLeft && since !== undefined)
      this.measures.time(inStep, of, Math.max(0, Date.now() - since.getTime()) / 1_000);
    if (status !== 'active') this.measures.count(COUNTERS.ended, { ...of, [A.outcome]: status });
  }

  keptWaiting(): void {
    this.measures.count(COUNTERS.waiting, { [A.consumer]: consumerOf(this.saga) });
  }
}
