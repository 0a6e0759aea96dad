import type { ConsumerView } from '../consumers/consumer.service.js';
import { invalidArgument } from '../events/argument-checks.js';
import { problemsOfUnknownNames } from '../events/known-names.js';

/** What all consumers together have still to handle. */
export interface Backlog {
  /** The largest lag of a consumer that is not paused, in seconds. Null if no event waits. */
  readonly lagSeconds: number | null;
  readonly deadLetters: number;
  /** Partitions without an owner, of consumers that are not paused. */
  readonly unownedConsumers: number;
}

export interface BacklogThresholds {
  /**
   * The age, in seconds, of the oldest event that a consumer has not settled. Paused consumers do not count.
   */
  readonly maxLagSeconds?: number | undefined;
  /** Dead letters of all consumers together. */
  readonly maxDeadLetters?: number | undefined;
  /**
   * Partitions without an owner, of consumers that are not paused. There are some for a moment while a
   * process starts, stops or dies. The probe should therefore fail several times before it counts.
   */
  readonly maxUnownedConsumers?: number | undefined;
}

/**
 * Checks the options of a probe. `known` are the names that it has.
 *
 * @throws IntegrationError INTEGRATION_ADMIN_INVALID
 */
export function checkProbe(probe: string, options: object, known: readonly string[]): void {
  const problems = problemsOfUnknownNames(options, { known, prefix: `${probe}: ` });
  for (const [name, value] of Object.entries(options)) {
    const isNumber = typeof value === 'number' && value >= 0;
    if (known.includes(name) && value !== undefined && !isNumber)
      problems.push(`${probe}: ${name} must be a number that is not negative`);
  }
  if (problems.length > 0) throw invalidArgument(`IntegrationHealthIndicator.${problems.join('; ')}`);
}

export function backlogOf(consumers: readonly ConsumerView[]): Backlog {
  const active = consumers.filter(({ paused }) => !paused);
  const lags = active.flatMap(({ lagSeconds }) => (lagSeconds === null ? [] : [lagSeconds]));
  return {
    lagSeconds: lags.length === 0 ? null : Math.round(Math.max(...lags)),
    deadLetters: consumers.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
    unownedConsumers: active.filter(({ owner, orphaned }) => owner === null && !orphaned).length,
  };
}

/** One sentence for each threshold that is exceeded. */
export function exceeded(backlog: Backlog, thresholds: BacklogThresholds): string[] {
  const { lagSeconds, deadLetters, unownedConsumers } = backlog;
  const { maxLagSeconds, maxDeadLetters, maxUnownedConsumers } = thresholds;
  const problems: string[] = [];
  if (maxLagSeconds !== undefined && (lagSeconds ?? 0) > maxLagSeconds)
    problems.push(`A consumer lags ${lagSeconds} s behind, more than ${maxLagSeconds} s`);
  if (maxDeadLetters !== undefined && deadLetters > maxDeadLetters)
    problems.push(`Dead letters: ${deadLetters}, more than ${maxDeadLetters}`);
  if (maxUnownedConsumers !== undefined && unownedConsumers > maxUnownedConsumers)
    problems.push(
      `Consumer partitions without an owner: ${unownedConsumers}, more than ${maxUnownedConsumers}`,
    );
  return problems;
}
