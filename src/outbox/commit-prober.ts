import { AsyncResource } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { messageOf } from '../errors.js';
import { ANNOUNCED_FOR_MS, type CommitLook, CommitStream } from '../wakeups/commit-stream.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { OutboxEventStore } from './outbox-event.store.js';

/**
 * Ages in milliseconds at which a publish is looked for. After the last one, it is looked for once a second.
 */
const PROBE_AGES_MS = [2, 5, 10, 20, 40, 80, 160, 320, 640, 1_280];
const PROBE_INTERVAL_MS = 1_000;
const GIVE_UP_AFTER_MS = 30_000;
const POSITIONS_PER_PROBE = 1_000;

interface Outstanding {
  readonly position: number;
  readonly eventNames: readonly string[];
  readonly publishedAt: number;
  looks: number;
  dueAt: number;
}

/**
 * Notices commits that nobody reports. An event that was published inside a transaction of the host is looked
 * for until it is visible. Then the consumers here and the other processes are told. After 30 s it is given
 * up, because the transaction may have been rolled back. If it commits later, polling finds the event.
 */
@Injectable()
export class CommitProber {
  private outstanding: Outstanding[] = [];
  private readonly logger: EngineLogger;
  // Probes belong to no publisher. They must not run in the async context (transaction, trace) of one.
  private readonly scope = new AsyncResource('CommitProber');
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private probing: Promise<void> | undefined;
  private restUntil = 0;
  private readonly stream = new CommitStream();
  private closed = false;

  constructor(
    private readonly store: OutboxEventStore,
    private readonly notifier: OutboxNotifier,
    private readonly identity: ProcessIdentity,
  ) {
    this.logger = loggerOf('CommitProber', identity);
  }

  /** The number of publishes that are still looked for. */
  get size(): number {
    return this.outstanding.length;
  }

  /**
   * Looks for the commit of a transaction that inserted this position. One position per transaction is
   * enough.
   */
  watch(position: number, eventNames: readonly string[]): void {
    if (this.closed) return;
    const publishedAt = performance.now();
    const dueAt = publishedAt + (PROBE_AGES_MS[0] ?? 0);
    this.outstanding.push({ position, eventNames, publishedAt, looks: 0, dueAt });
    this.notifier.expect(eventNames);
    this.schedule(dueAt);
  }

  /** Stops looking. Resolves when no query is running any more. */
  async close(): Promise<void> {
    this.closed = true;
    this.outstanding = [];
    clearTimeout(this.timer);
    await this.probing;
  }

  private schedule(at: number): void {
    const dueAt = Math.max(at, this.restUntil);
    if (this.closed || this.probing !== undefined || dueAt >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = dueAt;
    const wait = Math.max(dueAt - performance.now(), 0);
    this.timer = this.scope.runInAsyncScope(() => setTimeout(() => this.fire(), wait).unref());
  }

  private fire(): void {
    this.timerAt = Number.POSITIVE_INFINITY;
    this.probing = this.probe().finally(() => {
      this.probing = undefined;
      this.scheduleNext();
    });
  }

  private scheduleNext(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.outstanding) next = Math.min(next, dueAt);
    if (next < Number.POSITIVE_INFINITY) this.schedule(next);
  }

  /**
   * Asks for everything that is due in one query. A query that fails tells nothing, so its publishes stay
   * outstanding and are looked for later.
   */
  private async probe(): Promise<void> {
    const startedAt = performance.now();
    const due = this.takeDue(startedAt);
    const look = this.stream.lookBegins(due.length, due.length < POSITIONS_PER_PROBE, startedAt);
    let found = 0;
    try {
      if (due.length > 0) found = await this.find(due, look);
    } catch (error) {
      const words = 'looking for commits failed, will look again';
      this.logger.debugOfFailure(`${words}: ${messageOf(error)}`, words);
    }
    const now = performance.now();
    this.restUntil = now + this.stream.restAfter(look, found, now);
  }

  /** Reports the publishes that are committed, and returns how many they are. */
  private async find(due: readonly number[], { announced }: CommitLook): Promise<number> {
    const visible = new Set(await this.store.announceVisible(due, this.identity.id, announced));
    const eventNames = new Set<string>();
    this.outstanding = this.outstanding.filter((item) => {
      if (!visible.has(item.position)) return true;
      for (const name of item.eventNames) eventNames.add(name);
      return false;
    });
    const goesOnForMs = announced ? ANNOUNCED_FOR_MS : 0;
    if (eventNames.size > 0)
      this.notifier.signal({ source: 'commit', eventNames: [...eventNames] }, { told: true, goesOnForMs });
    return visible.size;
  }

  private takeDue(now: number): number[] {
    const due: number[] = [];
    this.outstanding = this.outstanding.filter(({ publishedAt }) => now - publishedAt <= GIVE_UP_AFTER_MS);
    for (const item of this.outstanding) {
      if (item.dueAt > now + 1) continue;
      if (due.length === POSITIONS_PER_PROBE) break;
      due.push(item.position);
      item.looks += 1;
      const age = PROBE_AGES_MS[item.looks];
      item.dueAt = age === undefined ? now + PROBE_INTERVAL_MS : Math.max(item.publishedAt + age, now + 1);
    }
    return due;
  }
}
