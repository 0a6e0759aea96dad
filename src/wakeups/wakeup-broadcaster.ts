import { AsyncResource } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { OwnSqlClient } from '../database/clients/own-sql-client.js';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { messageOf } from '../errors.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { CommitStream } from './commit-stream.js';
import { OutboxNotifier } from './outbox-notifier.js';
import type { Wakeup } from './wakeup.js';
import { WakeupStore } from './wakeup.store.js';

const COALESCE_MS = 5;
/**
 * The sources of wake-ups that this process caused itself. All other wake-ups came from other processes or
 * concern only this one.
 */
const OWN_SOURCES: ReadonlySet<Wakeup['source']> = new Set(['publish', 'commit', 'manual']);

/**
 * Sends the wake-ups of this process to the other processes by NOTIFY. The first one is sent at once, and
 * those of the next few milliseconds are sent together. For a stream of them, one message says that more will
 * come. A failure is ignored, because the other processes poll.
 */
@Injectable()
export class WakeupBroadcaster {
  private readonly logger: EngineLogger;
  private subscription: Subscription | undefined;
  private timer: NodeJS.Timeout | undefined;
  private sending: Promise<void> | undefined;
  private restUntil = 0;
  /** The number of wake-ups that have not been sent yet. */
  private pending = 0;
  private readonly stream = new CommitStream();
  private concernsInbox = false;
  /**
   * A message is on its way together with a COMMIT. Other messages do not wait for it, because that COMMIT
   * may take long.
   */
  private following = false;
  // A message that is sent later belongs to no publisher. It must not run in the async context (transaction,
  // trace) of one.
  private readonly scope = new AsyncResource('WakeupBroadcaster');

  constructor(
    private readonly store: WakeupStore,
    private readonly notifier: OutboxNotifier,
    private readonly identity: ProcessIdentity,
  ) {
    this.logger = loggerOf('WakeupBroadcaster', identity);
  }

  start(): void {
    this.subscription ??= this.notifier.untold$.subscribe(({ source, concernsInbox }) => {
      if (!OWN_SOURCES.has(source)) return;
      if (concernsInbox === true) this.concernsInbox = true;
      this.request();
    });
  }

  /** Stops. If a message is due, it is sent before. */
  async stop(): Promise<void> {
    this.subscription?.unsubscribe();
    this.subscription = undefined;
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.sending;
    if (this.pending > 0) await this.send(false);
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /**
   * Is called when only the COMMIT of a transaction is left to do. Sends the message together with the
   * COMMIT, if the client can do that and no other message is being sent or was sent just before. This is
   * sooner for the other processes, because the message need not wait until the answer to the COMMIT has come
   * back.
   *
   * Returns whether the message is sent this way. If not, it must be sent after the transaction has
   * committed.
   */
  followCommitOf(transaction: object): boolean {
    if (this.subscription === undefined || this.following || !this.isFree) return false;
    if (!OwnSqlClient.is(transaction)) return false;
    this.following = transaction.followCommitWith(this.store.notification(this.identity.id), (wasRun) =>
      this.scope.runInAsyncScope(() => this.followed(wasRun)),
    );
    return this.following;
  }

  private followed(wasRun: boolean): void {
    this.following = false;
    if (this.subscription === undefined) return;
    if (!wasRun) this.request();
    else if (this.isFree) this.rest(COALESCE_MS);
  }

  /** Whether no message is being sent, and the rest after the last one is over. */
  private get isFree(): boolean {
    return this.sending === undefined && this.timer === undefined;
  }

  private request(): void {
    this.pending++;
    if (this.isFree) this.fire();
    else if (this.restUntil - performance.now() > this.longestRest) this.rest(COALESCE_MS);
  }

  private fire(): void {
    this.timer = undefined;
    if (this.pending === 0) return;
    const look = this.stream.lookBegins(this.pending, !this.concernsInbox, performance.now());
    this.sending = this.send(look.announced).then(() => {
      this.sending = undefined;
      const rest = this.stream.restAfter(look, look.due, performance.now());
      this.rest(Math.max(COALESCE_MS, Math.min(rest, this.longestRest)));
    });
  }

  /**
   * A process that was told of a stream keeps reading the log, but not the inbox. So news of the inbox must
   * not wait for a long rest.
   */
  private get longestRest(): number {
    return this.concernsInbox ? COALESCE_MS : Number.POSITIVE_INFINITY;
  }

  private rest(ms: number): void {
    clearTimeout(this.timer);
    this.restUntil = performance.now() + ms;
    this.timer = setTimeout(() => this.fire(), ms);
    this.timer.unref();
  }

  private async send(isStream: boolean): Promise<void> {
    const { concernsInbox } = this;
    this.pending = 0;
    this.concernsInbox = false;
    try {
      await this.store.notify(this.identity.id, { concernsInbox, isStream });
    } catch (error) {
      const words = 'other processes were not woken, they will poll';
      this.logger.debugOfFailure(`${words}: ${messageOf(error)}`, words);
    }
  }
}
