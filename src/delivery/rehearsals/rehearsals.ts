import { Inject, Injectable } from '@nestjs/common';
import type { RehearsalResult } from '../../changes/rehearsals/rehearsal.js';
import { sqlStateOf } from '../../database/connection/connection-loss.js';
import { ProcessIdentity } from '../../database/connection/process-identity.js';
import { INSUFFICIENT_PRIVILEGE } from '../../database/connection/sql-states.js';
import { messageOf } from '../../errors.js';
import { OutboxLogStore } from '../../log/outbox-log.store.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { SettingsView } from '../../settings/settings-view.js';
import type { Consumer, Subscription } from '../../subscribers/consumer.js';
import { EventSubscriberRegistry } from '../../subscribers/event-subscriber-registry.js';
import { type EngineLogger, loggerOf } from '../../words/engine-logger.js';
import { LineKeeping } from '../execution/line-keeping.js';
import { TransactionalRunner } from '../execution/transactional-runner.js';
import { Attempt } from '../partition/attempt.js';
import { Delivery, type Outcome, reachOf } from '../partition/delivery.js';
import { Watchdog } from '../watchdog/watchdog.js';
import { refusedResult, resultOf } from './rehearsal-result.js';
import type { RunningRehearsal } from './rehearsal-transaction.js';
import { type AskedRehearsal, type ClaimedRehearsal, RehearsalWorkStore } from './rehearsal-work.store.js';

/** The injection token of the runner whose transactions are those of rehearsals. */
export const REHEARSING_RUNNER = Symbol('nestjs-integration:rehearsing-runner');

/**
 * Milliseconds between two looks for rehearsals. Whoever asks for one says so. This is for a message that was
 * lost.
 */
const LOOK_MS = 15_000;
/** Milliseconds beyond the deadline of the handler: for a connection, the way back, and the result. */
const SLACK_MS = 15_000;
/** How long the next rehearsal waits for the end of a transaction whose handler was given up. */
const END_WITHIN_MS = 5_000;

/** A rehearsal that this process could run: its consumer has a handler for the event. */
interface Runnable {
  readonly asked: AskedRehearsal;
  readonly consumer: Consumer;
  readonly subscription: Subscription;
}

/**
 * Runs the rehearsals that somebody has asked for, one after another. It needs no lease of the consumer,
 * because a rehearsal settles nothing: any process with the handler may take it.
 */
@Injectable()
export class Rehearsals {
  private readonly logger: EngineLogger;
  private working: Promise<void> | undefined;
  private current: Attempt | undefined;
  private stopped = false;
  /** Monotonic milliseconds. Infinite if this role may not read rehearsals. */
  private nextLookAt = 0;

  constructor(
    private readonly work: RehearsalWorkStore,
    @Inject(REHEARSING_RUNNER) private readonly runner: TransactionalRunner<RunningRehearsal>,
    private readonly log: OutboxLogStore,
    private readonly registry: EventSubscriberRegistry,
    private readonly identity: ProcessIdentity,
    private readonly watchdog: Watchdog,
    private readonly lines: LineKeeping,
    @Inject(IntegrationSettingsService) private readonly settings: SettingsView<'handlerTimeoutMs'>,
  ) {
    this.logger = loggerOf('Rehearsals', identity);
  }

  /** Called when somebody may have asked for one. The next beat looks. */
  lookSoon(): void {
    if (Number.isFinite(this.nextLookAt)) this.nextLookAt = 0;
  }

  /** Called with each beat, with the consumers of this process. It waits for nothing. */
  beginDue(consumerNames: readonly string[]): void {
    if (this.stopped || this.working !== undefined || consumerNames.length === 0) return;
    if (performance.now() < this.nextLookAt) return;
    this.nextLookAt = performance.now() + LOOK_MS;
    this.working = this.workOff(consumerNames)
      .catch((error) => this.failed(error))
      .finally(() => {
        this.working = undefined;
      });
  }

  begin(): void {
    this.stopped = false;
  }

  /** Begins no more, and gives up the one that runs. Resolves when its result is kept. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.current?.abandon(new Error('The application closes, so the rehearsal was given up'));
    await this.working;
  }

  private failed(error: unknown): void {
    if (sqlStateOf(error) === INSUFFICIENT_PRIVILEGE) this.nextLookAt = Number.POSITIVE_INFINITY;
    else this.lookSoon();
    if (!this.stopped) this.logger.warnOfFailure(`Rehearsals are looked for again: ${messageOf(error)}`);
  }

  /** Each round takes one, so that several processes share what was asked for. */
  private async workOff(consumerNames: readonly string[]): Promise<void> {
    const seen = new Set<string>();
    while (!this.stopped) {
      const asked = (await this.work.asked(consumerNames)).filter(({ id }) => !seen.has(id));
      const [next] = asked.flatMap((each) => this.runnable(each) ?? []);
      if (next === undefined) return;
      seen.add(next.asked.id);
      const boundMs = this.timeoutOf(next.subscription) + SLACK_MS;
      const claimed = await this.work.claim(next.asked, this.identity, boundMs);
      if (claimed !== undefined) await this.work.end(claimed.id, await this.rehearse(claimed, next));
    }
  }

  /**
   * Undefined if another version of the code handles the event. An event that is gone is refused by anybody.
   */
  private runnable(asked: AskedRehearsal): Runnable | undefined {
    const consumer = this.registry.consumer(asked.consumerName);
    const subscription =
      asked.eventName === null ? consumer?.subscriptions[0] : consumer?.match(asked.eventName);
    return consumer === undefined || subscription === undefined
      ? undefined
      : { asked, consumer, subscription };
  }

  private async rehearse(claimed: ClaimedRehearsal, of: Runnable): Promise<RehearsalResult> {
    const { subscription, consumer } = of;
    const { inboxEventId, position } = claimed;
    if (!subscription.transactional)
      return refusedResult(
        `Handler ${subscription.place} of consumer "${consumer.name}" is not transactional, so nothing that it writes could be rolled back. Register it with transactional: true, or send the event again`,
        { consumerName: consumer.name },
      );
    if (inboxEventId === null)
      return refusedResult(
        'The event is no dead letter any more: it was sent again, or discarded, meanwhile',
        {},
      );
    const log = (await this.log.readByPosition([position])).get(position);
    if (log === undefined) return refusedResult('The log does not have the event any more', { position });
    const claim = { inboxEventId, isSuspect: false, follows: false };
    const delivery = new Delivery(log, subscription, 1, claim);
    return this.run(new Attempt(delivery, this.timeoutOf(subscription), isBatch(of), dead), {
      claimed,
      handlerBeganAt: undefined,
      hasSucceeded: false,
      published: [],
      hasMorePublished: false,
    });
  }

  /** Runs one attempt until it has an outcome, which its deadline gives it if nothing else does. */
  private async run(attempt: Attempt, running: RunningRehearsal): Promise<RehearsalResult> {
    this.current = attempt;
    const watched = this.watchdog.enter(attempt.delivery.subscription, attempt.delivery.position);
    try {
      let ended: Promise<void> = Promise.resolve();
      const outcome = await new Promise<Outcome>((resolve) => {
        attempt.begin((_, settled) => resolve(reachOf(settled)));
        attempt.watchDeadline();
        ended = this.runner.run(attempt, running).then((each) => attempt.settle(each));
      });
      const result = resultOf(outcome, attempt, running, this.lines.areKept);
      await within(END_WITHIN_MS, ended);
      return result;
    } finally {
      this.watchdog.leave(watched);
      this.current = undefined;
    }
  }

  private timeoutOf({ timeoutMs }: Subscription): number {
    return timeoutMs ?? this.settings.snapshot().handlerTimeoutMs;
  }
}

/** The outcome at the deadline. The transaction ends without its handler, as in a delivery. */
const dead = (attempt: Attempt, error: Error) => attempt.settle({ kind: 'dead', error });

function isBatch({ consumer }: Runnable): boolean {
  return consumer.batch !== undefined;
}

async function within(ms: number, end: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([end, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
