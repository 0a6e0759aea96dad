import type { AdminDatabase } from '../database/admin-database.js';
import { checkCount, checkNames, checkText, checkTime, invalidArgument } from '../events/argument-checks.js';
import { DEFAULT_SAMPLE_TIMES, GAP_IN_SAMPLES, type SampleTimes } from './backlog-samples.js';
import type { ConsumerRates, RateRange } from './consumer-rates.js';
import { ConsumerRatesStore } from './consumer-rates.store.js';

const LONGEST_CONSUMER_NAME = 127;
const DEFAULT_RANGE_MS = 3_600_000;
const DEFAULT_STEPS = 360;
const MOST_STEPS = 1_000;
const SHORTEST_STEP = 10;
const LONGEST_STEP = 2_147_483_647;

/**
 * Tells how fast the log grows and how fast consumers are, from the samples that one process writes every
 * ten seconds. They are kept for a week, and after an hour one a minute. While no process runs consumers
 * there are none, and the rates of that time are null.
 */
export class ConsumerRatesService {
  private readonly store: ConsumerRatesStore;

  constructor(
    db: AdminDatabase,
    private readonly times: SampleTimes = DEFAULT_SAMPLE_TIMES,
  ) {
    this.store = new ConsumerRatesStore(db);
  }

  /**
   * Returns the rates of one consumer in steps of time. A consumer that is not there has none.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid range
   */
  async of(consumerName: string, range: RateRange = {}): Promise<ConsumerRates> {
    checkText('consumerName', consumerName, LONGEST_CONSUMER_NAME);
    if (consumerName === undefined)
      throw invalidArgument('consumerName is missing', { field: 'consumerName' });
    checkNames('a field of a range', range, ['from', 'to', 'step']);
    checkTime('from', range.from);
    checkTime('to', range.to);
    const to = range.to ?? new Date();
    const from = range.from ?? new Date(to.getTime() - DEFAULT_RANGE_MS);
    const seconds = (to.getTime() - from.getTime()) / 1_000;
    if (seconds <= 0) throw invalidArgument('from must be before to', { field: 'from' });
    const step = checkCount('step', range.step ?? stepFor(seconds), LONGEST_STEP);
    const steps = Math.ceil(seconds / step);
    if (step < SHORTEST_STEP || steps > MOST_STEPS)
      throw invalidArgument(
        `step must be ${SHORTEST_STEP} seconds or more, and make at most ${MOST_STEPS} steps: give ${Math.max(SHORTEST_STEP, Math.ceil(seconds / MOST_STEPS))} or more`,
        { field: 'step' },
      );
    const gapMs = GAP_IN_SAMPLES * this.times.everyMs;
    const points = await this.store.points(consumerName, { from, step, steps }, gapMs);
    return { consumerName, from, to, step, points };
  }
}

/** A multiple of the shortest step. */
function stepFor(seconds: number): number {
  const step = Math.ceil(seconds / DEFAULT_STEPS / SHORTEST_STEP) * SHORTEST_STEP;
  return Math.min(LONGEST_STEP, Math.max(SHORTEST_STEP, step));
}
