import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../errors.js';
import type { Lease } from '../../membership/leases/lease.js';
import type { EngineLogger } from '../../words/engine-logger.js';
import { growingPauseMs } from '../../words/growing-pause.js';
import { DEFAULT_PULL, type SourceOptions } from './source-definition.js';
import type { SourceClient, SourceMessage } from './source-message.js';
import type { SourceMetrics } from './source-metrics.js';
import type { SourceRecord } from './source-record.js';
import type { ReadPull, SourceStorage } from './source-storage.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const EMPTY_PAUSE_MS = 100;

type Step = 'pulled' | 'stored' | 'acknowledged';

/**
 * One source while this process has its lease. A pull is in one of these states, one after another:
 *
 * - pulling: the broker is asked for messages. They are read when they are there.
 * - storing: it is tried again until it is committed, or the lease ends.
 * - acknowledging: the pull is committed. The broker is told so.
 *
 * Nothing is lost: a message is acknowledged only when it is committed, and what is not acknowledged comes
 * again. That holds wherever the process ends. A repeat changes nothing: the key of an event is made of what
 * the sender or the broker calls the message, so the same message always has the same key, and the log has
 * one event of a key. A failure of the acknowledgement is therefore no more than a repeat.
 *
 * The order is kept: one pull is asked for at a time, and one is stored at a time, by one statement in its
 * order. A pull is stored only when the pull before it is committed, however often that takes. What another
 * process stores after this one has lost the lease cannot come before what this one stores, because of the
 * fence (see `SourceStorage`).
 *
 * While a pull is stored, the broker is asked for the next one, if its client allows that. Each has half of
 * `batch` then. One is stored at a time and one is asked for at a time, so both together are never more than
 * `batch` messages.
 */
export class SourceLoop {
  /** How often each step has failed, one time after another. */
  private readonly failures: Record<Step, number> = { pulled: 0, stored: 0, acknowledged: 0 };
  /** How many messages are asked for at once. */
  private readonly most: number;
  private readonly pullsAhead: boolean;

  constructor(
    private readonly options: SourceOptions,
    private readonly client: SourceClient,
    private readonly storage: SourceStorage,
    private readonly metrics: SourceMetrics,
    private readonly record: SourceRecord,
    private readonly logger: Pick<EngineLogger, 'warnOfFailure'>,
  ) {
    const { batch = DEFAULT_PULL } = options;
    this.pullsAhead = client.pullsAhead === true && batch > 1;
    this.most = this.pullsAhead ? Math.floor(batch / 2) : batch;
  }

  /** Takes in messages until the lease ends. */
  async run(lease: Lease): Promise<void> {
    let ahead: Promise<ReadPull | undefined> | undefined;
    while (!lease.signal.aborted) {
      const pull = await (ahead ?? this.next(lease));
      ahead = undefined;
      if (pull === undefined) continue;
      if (pull.messages.length > 0) {
        if (this.pullsAhead && !lease.signal.aborted) ahead = this.next(lease);
        await this.takeIn(pull, lease);
      } else {
        this.record.rested();
        await pause(EMPTY_PAUSE_MS, lease.signal);
      }
    }
    await this.giveBack((await ahead)?.messages ?? []);
    this.record.rested();
    await this.client.rest?.().catch(() => {});
  }

  /** Undefined after a failure. */
  private next(lease: Lease): Promise<ReadPull | undefined> {
    return this.attempt('pulled', lease, async () => {
      const messages = await this.pull(lease.signal);
      try {
        return await this.storage.read(messages);
      } catch (error) {
        await this.giveBack(messages);
        throw error;
      }
    });
  }

  private async takeIn(pull: ReadPull, lease: Lease): Promise<void> {
    const { messages } = pull;
    while (!lease.signal.aborted) {
      const stored = await this.attempt('stored', lease, () => this.storage.store(pull, lease));
      if (stored === undefined) continue;
      this.metrics.count(stored.counts);
      this.record.stored(stored.counts, stored.rejection);
      await this.attempt('acknowledged', lease, async () => {
        await this.client.ack(messages);
        return true;
      });
      return;
    }
    await this.giveBack(messages);
  }

  /** A client that does not heed the signal must not keep the lease from another process. */
  private async pull(signal: AbortSignal): Promise<readonly SourceMessage[]> {
    const pulling = this.client.pull(this.most, signal);
    let end: (() => void) | undefined;
    const ended = new Promise<undefined>((resolve) => {
      end = () => resolve(undefined);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
    const messages = await Promise.race([pulling, ended]);
    if (end !== undefined) signal.removeEventListener('abort', end);
    if (messages !== undefined) return messages;
    pulling.then((late) => this.giveBack(late)).catch(() => {});
    return [];
  }

  /** The broker sends them again in any case, after a time of its own. */
  private async giveBack(messages: readonly SourceMessage[]): Promise<void> {
    if (messages.length > 0) await this.client.giveBack?.(messages).catch(() => {});
  }

  /** Undefined after a failure. The caller tries again, after a pause that grows. */
  private async attempt<T>(step: Step, { signal }: Lease, run: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await run();
      this.failures[step] = 0;
      this.record.worked(step);
      return result;
    } catch (error) {
      if (signal.aborted) return undefined;
      const failures = ++this.failures[step];
      this.record.failed(step, error);
      this.logger.warnOfFailure(
        `Source ${JSON.stringify(this.options.name)}: messages could not be ${step}, which is tried again: ${messageOf(error)}`,
        `${this.options.name} ${step}`,
      );
      await pause(growingPauseMs(failures, FIRST_PAUSE_MS, LONGEST_PAUSE_MS), signal);
      return undefined;
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
