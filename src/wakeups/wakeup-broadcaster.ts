import { AsyncResource } from 'node:async_hooks';
import { Injectable, Logger } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { OwnSqlClient } from '../database/clients/own-sql-client.js';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { messageOf } from '../errors.js';
import { CommitStream } from './commit-stream.js';
import { OutboxNotifier } from './outbox-notifier.js';
import type { Wakeup } from './wakeup.js';
import { WakeupStore } from './wakeup.store.js';

const COALESCE_MS = 5;
/** What this process itself brought about; the rest came from others or concerns nobody else. */
const OWN_SOURCES: ReadonlySet<Wakeup['source']> = new Set(['publish', 'commit', 'manual']);

/**
 * Passes this process's wake-ups on to the others by NOTIFY: the first at once, those of the next few
 * milliseconds together, and those of a stream as one message that more will come. A failure is forgotten:
 * the others poll.
 */
@Injectable()
export class WakeupBroadcaster {
  private readonly logger = new Logger('WakeupBroadcaster');
  private subscription: Subscription | undefined;
  private timer: NodeJS.Timeout | undefined;
  private sending: Promise<void> | undefined;
  private restUntil = 0;
  /** Wake-ups that are to be told. */
  private pending = 0;
  private readonly stream = new CommitStream();
  private concernsInbox = false;
  /** A message is on its way behind a COMMIT. It holds nobody up: that COMMIT may take long. */
  private following = false;
  // What is sent later is nobody's work: it must not run in the context (transaction, trace) of a publisher.
  private readonly scope = new AsyncResource('WakeupBroadcaster');

  constructor(
    private readonly store: WakeupStore,
    private readonly notifier: OutboxNotifier,
    private readonly identity: ProcessIdentity,
  ) {}

  start(): void {
    this.subscription ??= this.notifier.untold$.subscribe(({ source, concernsInbox }) => {
      if (!OWN_SOURCES.has(source)) return;
      if (concernsInbox === true) this.concernsInbox = true;
      this.request();
    });
  }

  /** Stops, after one last message if one was due. */
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
   * Called when nothing is left of a transaction but its COMMIT: has the message sent together with that,
   * where the client can, and nothing rests. It spares the others the commit's way back to us and the
   * message's way to the server, a third of their wait. Whether it is sent so; else it is due once the
   * transaction has committed.
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

  /** Nothing is being sent, and nothing rests from it. */
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

  /** Those to whom a stream was announced read the log by themselves, but not the inbox. */
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
      this.logger.debug(`other processes were not woken, they will poll: ${messageOf(error)}`);
    }
  }
}
