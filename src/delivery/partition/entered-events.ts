import { Inject, Injectable } from '@nestjs/common';
import { isConnectionLoss, isSessionLoss } from '../../database/connection/connection-loss.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { SettingsView } from '../../settings/settings-view.js';
import type { Subscription } from '../../subscribers/consumer.js';
import { LatestEntries } from '../../words/latest-entries.js';
import type { Attempt } from './attempt.js';
import type { Delivery, EndOfAttempt, Outcome } from './delivery.js';
import { RetryPolicy } from './retry-policy.js';

/** The settings that are read here. */
type Settings = SettingsView<'maxInfrastructureFailures'>;

/**
 * How many events are kept for each consumer. This is little memory, and it is more than could run at once.
 * The event that failed longest ago is forgotten first.
 */
const MOST_REMEMBERED = 1_000;

/**
 * An event whose handler was entered and whose last attempts all ended by a failure of the infrastructure.
 */
interface Failing {
  /** How many of these failures count against the event. */
  failures: number;
  /** How many other events of its subscription had ended by themselves when it failed last. */
  othersEnded: number;
  error: unknown;
  /** Its last attempt, if it ran exclusively and its end counts. */
  counted: CountedAttempt | undefined;
}

/**
 * An attempt that ran exclusively and ended with its session. It stays counted, although its end may never
 * have been saved.
 */
export interface CountedAttempt {
  readonly inboxEventId: string;
  readonly attempt: number;
}

/*
 * Counts, for each event, the consecutive failures of the infrastructure after the event's handler was
 * entered. No attempt is counted for such a failure, because no event is at fault. But a statement of an
 * event may be what ends its session, or the server. Without this count such an event would run for ever, and
 * a server that crashes again and again serves nobody. A failure counts against the event in two cases:
 *
 *   - The session existed when the handler was entered, and was lost while the handler ran. An outage does
 *     that to an event only once, because there is no session after that until the outage is over.
 *   - There was no session, and other events of the same subscription have ended by themselves since the last
 *     failure. While no other event ends by itself, there is an outage. It counts against no event, however
 *     long it lasts.
 *
 * If the event ends by itself, it is innocent again; one that is put off has not ended. After
 * `maxInfrastructureFailures` consecutive failures the event is a suspect: it goes to the inbox and runs
 * exclusively. Its attempt is counted before it runs, like that of an event that may have ended its process
 * (crash-recovery.ts). A plain handler is then entered only if the host's client answers, and a transactional
 * one only in a transaction that has begun. So if the session is lost while the event runs, the session
 * existed before, and nothing else ran beside the event. The attempt then stays counted. An event that ends
 * sessions is a dead letter after `maxInfrastructureFailures` + `maxAttempts` runs. An innocent event that
 * came this far needs one run in which no outage begins.
 *
 * The failure of a batch does not show which of its events is at fault. It can raise their counts only to one
 * below the limit. From there on the events run singly.
 *
 * The counts belong to the process and not to a lease, because a server that crashes takes every lease with
 * it. They are lost with the process. If an event ends the process itself, the count of unclean ends is used
 * instead.
 */
@Injectable()
export class EnteredEvents {
  private readonly consumers = new Map<string, EnteredEventsOf>();

  constructor(
    @Inject(IntegrationSettingsService) private readonly settings: Settings,
    private readonly retries: RetryPolicy,
  ) {}

  of(consumerName: string): EnteredEventsOf {
    const known = this.consumers.get(consumerName);
    if (known !== undefined) return known;
    const made = new EnteredEventsOf(this.settings, this.retries);
    this.consumers.set(consumerName, made);
    return made;
  }
}

/** The events of one consumer. */
export class EnteredEventsOf {
  private readonly failing = new LatestEntries<string, Failing>(MOST_REMEMBERED);
  /**
   * How many events ended by themselves, by subscription. They are counted only while an event is failing.
   */
  private readonly ends = new Map<Subscription, number>();

  constructor(
    private readonly settings: Settings,
    private readonly retries: RetryPolicy,
  ) {}

  /** No event is failing, so nothing else needs to be checked. */
  get isEmpty(): boolean {
    return this.failing.size === 0;
  }

  /** Whether the event must run exclusively, with its attempt counted before it runs. */
  isSuspect({ log }: Delivery): boolean {
    return (this.failing.get(log.id)?.failures ?? 0) >= this.limit;
  }

  /** Whether the event must not run in a batch any more. */
  mustBeSingle({ log }: Delivery): boolean {
    const known = this.failing.get(log.id);
    return known !== undefined && known.failures >= this.limit - 1;
  }

  /** The event is saved as a dead letter. If it is redriven, it is treated like any other event. */
  forget(eventId: string): void {
    this.failing.delete(eventId);
  }

  lastError({ log }: Delivery): unknown {
    return this.failing.get(log.id)?.error;
  }

  /** The attempts that ran exclusively, ended with their session, and count. */
  get countedAttempts(): CountedAttempt[] {
    return [...this.failing.values()].flatMap(({ counted }) => counted ?? []);
  }

  /**
   * Returns the final outcome of an attempt. It is called even if nobody waits for the attempt any more,
   * because a lost server takes the lease as well.
   */
  judge(attempt: Attempt, outcome: EndOfAttempt): EndOfAttempt {
    switch (outcome.kind) {
      case 'processed':
      case 'skipped':
      case 'elsewhere':
      case 'partly':
        if (this.failing.size > 0) this.endedByThemselves(attempt);
        return outcome;
      case 'dead':
      case 'retry':
        // This end is already counted as an attempt. But that count is never saved if the server is lost
        // together with its session.
        if (outcome.kind === 'retry' && isSessionLost(attempt, outcome.error))
          this.note(attempt, outcome.error);
        else if (this.failing.size > 0) this.endedByThemselves(attempt);
        return outcome;
      case 'infrastructure':
        return attempt.isEntered ? this.judgeFailure(attempt, outcome) : outcome;
      default:
        return outcome;
    }
  }

  private judgeFailure(attempt: Attempt, outcome: Extract<Outcome, { kind: 'infrastructure' }>): Outcome {
    const counts = this.note(attempt, outcome.error);
    const { delivery } = attempt;
    if (!counts || attempt.others.length > 0 || !this.isSuspect(delivery)) return outcome;
    const { error } = outcome;
    if (delivery.claim?.isSuspect !== true) return { kind: 'suspect', error, delayMs: 0, isCounted: false };
    const next = this.retries.retryOrDead(error, delivery);
    return next.kind === 'retry' ? { ...next, kind: 'suspect', isCounted: true } : next;
  }

  /** Whether the end counts against the event or the batch. */
  private note(attempt: Attempt, error: unknown): boolean {
    const isLost = isSessionLost(attempt, error);
    const most = attempt.others.length > 0 ? this.limit - 1 : Number.POSITIVE_INFINITY;
    let counts = false;
    for (const delivery of attempt.toHandle) {
      const { log, subscription, claim } = delivery;
      const othersEnded = this.ends.get(subscription) ?? 0;
      const known = this.failing.get(log.id);
      const isAgainst =
        isLost || (!attempt.isAbandoned && (known === undefined || othersEnded > known.othersEnded));
      const before = known?.failures ?? 0;
      const failures = isAgainst ? Math.max(before, Math.min(before + 1, most)) : before;
      const isCounted = isAgainst && claim?.isSuspect === true && failures >= this.limit;
      this.failing.set(log.id, {
        failures,
        othersEnded,
        error,
        counted: isCounted ? { inboxEventId: claim.inboxEventId, attempt: delivery.attempt } : undefined,
      });
      counts ||= isAgainst;
    }
    return counts;
  }

  private endedByThemselves({ delivery, others }: Attempt): void {
    const { subscription } = delivery;
    this.failing.delete(delivery.log.id);
    for (const { log } of others) this.failing.delete(log.id);
    if (this.failing.size > 0) this.ends.set(subscription, (this.ends.get(subscription) ?? 0) + 1);
    else this.ends.clear();
  }

  private get limit(): number {
    return this.settings.snapshot().maxInfrastructureFailures;
  }
}

/**
 * Whether the attempt's session existed and was lost. In a transaction that had begun, any lost connection
 * proves it. Otherwise only a message of the server to the session does.
 */
function isSessionLost(attempt: Attempt, error: unknown): boolean {
  if (isSessionLoss(error)) return true;
  const { transactional } = attempt.delivery.subscription;
  return (transactional || attempt.isAbandoned) && isConnectionLoss(error);
}
