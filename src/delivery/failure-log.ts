import { Inject, Injectable, type Logger } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { loggerOf } from '../words/engine-logger.js';
import { finalText, type Repeats, repeatedText, retryingText } from './failure-texts.js';
import { stackWithCauses } from './partition/error-causes.js';
import { type FinalFailure, OutcomeStream, type RetryingOutcome } from './partition/outcome-stream.js';

/** Token of the time between two counts of repeated failures, in milliseconds. */
export const FAILURE_COUNT_MS = Symbol('nestjs-integration:failure-count');

export const DEFAULT_FAILURE_COUNT_MS = 60_000;
/** How many kinds of failure are distinguished at a time. All further kinds are counted together. */
const MOST_KINDS = 100;

type Failure = RetryingOutcome | FinalFailure;

/**
 * Logs failures. The first failure of a kind is logged with its stack and causes. Later failures of the same
 * kind are logged as a count every minute. A kind consists of the consumer, the error's fingerprint, and
 * whether another attempt follows. If a kind has not failed for a minute, its next failure is logged in full
 * again. So even very many failures make only a few lines a minute, and the memory is bounded by the number
 * of kinds.
 */
@Injectable()
export class FailureLog {
  private readonly kinds = new Map<string, Repeats>();
  /** The failures for which there was no room for another kind, by consumer. */
  private readonly others = new Map<string, Repeats>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    outcomes: OutcomeStream,
    private readonly db: EngineDatabase,
    @Inject(FAILURE_COUNT_MS) private readonly countMs: number,
  ) {
    outcomes.listen(['retrying', 'failed', 'dead_letter'], (outcome) => this.failed(outcome as Failure));
  }

  /** Logs the remaining counts. Called when no handler runs any more, because the application ends. */
  close(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.sayCounts();
    this.kinds.clear();
  }

  private failed(failure: Failure): void {
    const isFinal = failure.status !== 'retrying';
    const kind = `${failure.consumerName}\0${isFinal}\0${failure.errorFingerprint}`;
    const known = this.kinds.get(kind);
    if (known !== undefined) {
      known.count++;
      known.last = failure;
      return;
    }
    this.timer ??= setInterval(() => this.sayCounts(), this.countMs).unref();
    if (this.kinds.size < MOST_KINDS) {
      this.kinds.set(kind, { count: 0, last: failure, isOfOneKind: true });
      this.sayInFull(failure);
    } else this.countOther(failure);
  }

  private countOther(failure: Failure): void {
    const key = `${failure.consumerName}\0${failure.status}`;
    const known = this.others.get(key);
    if (known === undefined) this.others.set(key, { count: 1, last: failure, isOfOneKind: false });
    else {
      known.count++;
      known.last = failure;
    }
  }

  private sayInFull(failure: Failure): void {
    const logger = this.loggerFor(failure);
    const stack = failure.error === undefined ? undefined : stackWithCauses(failure.error);
    if (failure.status === 'retrying') logger.warn(`${retryingText(failure)}\n${stack}`);
    else logger.error(finalText(failure, this.db), stack);
  }

  private sayCounts(): void {
    for (const [kind, repeats] of this.kinds) {
      // This kind has not failed since the last count. So its next failure is logged in full.
      if (repeats.count === 0) this.kinds.delete(kind);
      else {
        this.sayCount(repeats);
        repeats.count = 0;
      }
    }
    for (const repeats of this.others.values()) this.sayCount(repeats);
    this.others.clear();
    if (this.kinds.size > 0 || this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private sayCount(repeats: Repeats): void {
    const text = repeatedText(repeats, this.db);
    if (repeats.last.status === 'retrying') this.loggerFor(repeats.last).warn(text);
    else this.loggerFor(repeats.last).error(text);
  }

  private loggerFor({ consumerName }: Failure): Logger {
    return loggerOf(`Consumer ${consumerName}`, this.db);
  }
}
