import { Inject, Injectable } from '@nestjs/common';
import { isConnectionLoss, isSessionLoss } from '../../database/connection/connection-loss.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { SettingsView } from '../../settings/settings-view.js';
import type { Subscription } from '../../subscribers/consumer.js';
import type { Attempt } from './attempt.js';
import type { Delivery, Outcome } from './delivery.js';
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
  /** How many of these ends count against the event. */
  failures: number;
  /** How many other events of its subscription had ended by themselves when it failed last. */
  othersEnded: number;
  error: unknown;
  /** Its last attempt, if it ran alone and its end counts. */
  counted: CountedAttempt | undefined;
}

/**
 * An attempt that ran alone and ended with its session. It stays counted, although its end may never have
 * been saved.
 */
export interface CountedAttempt {
  readonly inboxEventId: string;
  readonly attempt: number;
}

/*
 * Failures of the infrastructure are nobody's fault, and no attempt is counted for them. But a statement of
 * an event may be what ends its session, or the server. Such an event would run for ever, and a server that
 * crashes again and again serves nobody. So if the handler of an event had been entered, the failures of the
 * infrastructure in a row are counted for this event. These of them speak against it:
 *
 *   - Its session was there when the handler was entered, and was lost while the handler ran. An outage does
 *     that to an event once, because there is no session after that until the outage is over.
 *   - There was no session, and other events of the same subscription came to ends of their own since the
 *     last time. As long as no other event does, it is an outage, however long it lasts, and speaks against
 *     nobody.
 *
 * An end of its own, of whatever kind, makes the event innocent again. After `maxInfrastructureFailures` in a
 * row the event goes to the inbox and runs alone, with its attempt counted before it runs, like an event that
 * may have ended its process (crash-recovery.ts). A plain handler is then entered only if the host's client
 * answers, and a transactional one only in a transaction that has begun. So the session that is lost while it
 * runs was there before, nothing else ran beside it, and the attempt stays counted. An event that kills
 * sessions is a dead letter after `maxInfrastructureFailures` + `maxAttempts` runs. An innocent event that
 * came this far needs one run in which no outage begins.
 *
 * A batch says nothing about one of its events. It can bring them as far as one below the limit, and from
 * there on they run by themselves.
 *
 * The counts belong to the process and not to a lease, because a server that crashes takes every lease with
 * it. They are lost with the process. If an event ends the process itself, the counting of unclean ends takes
 * over.
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
  private readonly failing = new Map<string, Failing>();
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

  /** Whether the event must run alone, with its attempt counted before it runs. */
  isSuspect({ log }: Delivery): boolean {
    return (this.failing.get(log.id)?.failures ?? 0) >= this.limit;
  }

  /** Whether the event must not run in a batch any more. */
  runsByItself({ log }: Delivery): boolean {
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

  /** The attempts that ran alone, ended with their session, and count. */
  get countedAttempts(): CountedAttempt[] {
    return [...this.failing.values()].flatMap(({ counted }) => counted ?? []);
  }

  /**
   * Returns the final outcome of an attempt. It is called even if nobody waits for the attempt any more,
   * because a lost server takes the lease as well.
   */
  judge(attempt: Attempt, outcome: Outcome): Outcome {
    switch (outcome.kind) {
      case 'processed':
      case 'skipped':
      case 'elsewhere':
        if (this.failing.size > 0) this.endedByThemselves(attempt);
        return outcome;
      case 'dead':
      case 'retry':
        // It is already counted as an attempt. But this count is never saved if the server is gone together
        // with its session.
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
    if (delivery.claim?.alone !== true) return { kind: 'suspect', error, delayMs: 0, isCounted: false };
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
      const isCounted = isAgainst && claim?.alone === true && failures >= this.limit;
      this.remember(log.id, {
        failures,
        othersEnded,
        error,
        counted: isCounted ? { inboxEventId: claim.inboxEventId, attempt: delivery.attempt } : undefined,
      });
      counts ||= isAgainst;
    }
    return counts;
  }

  private remember(eventId: string, event: Failing): void {
    this.failing.delete(eventId);
    this.failing.set(eventId, event);
    if (this.failing.size <= MOST_REMEMBERED) return;
    const [oldest] = this.failing.keys();
    if (oldest !== undefined) this.failing.delete(oldest);
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
