import type { ConsumerView } from '../changes/consumer.service.js';
import { nameOfCursor } from '../inbox/inbox-status.js';
import { invalidArgument } from '../words/argument-checks.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import type { InboxLag } from './inbox-lag.store.js';

/** What all consumers together have still to handle. */
export interface Backlog {
  /**
   * The largest lag of a consumer that is not paused, over log and inbox, in seconds. Null if no event waits.
   */
  readonly lagSeconds: number | null;
  readonly deadLetters: number;
  /** Partitions without an owner, of consumers that are not paused. */
  readonly unownedConsumers: number;
}

export interface BacklogThresholds {
  /**
   * The age, in seconds, of the oldest event that a consumer has not settled, also of one that it tries
   * again. A delayed event counts from the time at which it is due. Paused consumers do not count.
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

/** The lag of each partition over log and inbox, in seconds. Null if no event waits. */
export function lagsOf<Each extends Pick<ConsumerView, 'consumerName' | 'partition' | 'lagSeconds'>>(
  consumers: readonly Each[],
  inInbox: readonly InboxLag[],
): (Each & { readonly lagOfAll: number | null })[] {
  const ofInbox = new Map(inInbox.map((each) => [nameOfCursor(each), each.seconds]));
  return consumers.map((each) => {
    const lags = [each.lagSeconds, ofInbox.get(nameOfCursor(each)) ?? null].filter((lag) => lag !== null);
    return { ...each, lagOfAll: lags.length === 0 ? null : Math.max(...lags) };
  });
}

export function backlogOf(consumers: readonly ConsumerView[], inInbox: readonly InboxLag[]): Backlog {
  const active = consumers.filter(({ paused }) => !paused);
  const lags = lagsOf(active, inInbox).flatMap(({ lagOfAll }) => (lagOfAll === null ? [] : [lagOfAll]));
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
