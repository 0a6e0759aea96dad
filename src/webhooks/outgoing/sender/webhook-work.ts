import type { EngineSession } from '../../../database/sql/engine-session.js';
import type { Ended, LaneLimits, LaneWork, Outcome, TargetChange } from '../../../lanes/lane-work.js';
import { durationsOf } from '../../../settings/durations.js';
import type { WebhookSettings } from '../../options/webhook-settings.js';
import { deliveryId } from '../destinations/delivery.js';
import type { SendOutcome } from '../sending/outcome-of.js';
import type { EventWriter, SenderEvent } from './event-writer.js';
import type { GivingUp } from './giving-up.js';
import { deliveryDead, destinationFailing, destinationRecovered } from './sender-events.js';
import { type DueDelivery, hasMessage, type SavedAttempt, type SendingStore } from './sending.store.js';
import type { SendingMetrics } from './sending-metrics.js';
import { errorOf, type Sent, type SignedRequests } from './signed-requests.js';

/**
 * Nobody who keeps the rules deletes a message that is needed. It may be missing after a restore in parts, or
 * where a release has said another tenant of the same event.
 */
const WITHOUT_MESSAGE =
  'The body of the delivery is not stored any more, so it was not sent. A replay sends the event again while the log has it';

export interface WebhookWorkParts {
  readonly store: SendingStore;
  readonly requests: Pick<SignedRequests, 'send'>;
  readonly events: EventWriter;
  readonly givingUp: GivingUp;
  readonly metrics: SendingMetrics;
  readonly settings: () => Readonly<WebhookSettings>;
}

/** An event about a destination, whose tenant is looked up when it is written. */
type EventAbout = Omit<SenderEvent, 'tenantId'>;

/** The deliveries of webhooks, as work of lanes. */
export class WebhookWork implements LaneWork<DueDelivery> {
  readonly kind = 'webhook';
  /** What became of deliveries until they are saved. */
  private readonly sent = new WeakMap<DueDelivery, Sent>();

  constructor(private readonly parts: WebhookWorkParts) {}

  limits(): LaneLimits {
    const settings = this.parts.settings();
    return {
      maxInFlight: settings['outgoing.enabled'] ? settings['outgoing.maxInFlight'] : 0,
      maxInFlightPerTarget: settings['outgoing.maxInFlightPerDestination'],
      probeAfterFailures: settings['outgoing.probeAfterFailures'],
      timeoutMs: settings['outgoing.timeoutMs'],
    };
  }

  limitsOf(ids: readonly string[]) {
    return this.parts.store.limitsOf(ids);
  }

  due(wanted: ReadonlyMap<string, number>): Promise<DueDelivery[]> {
    return this.parts.store.due(wanted);
  }

  nextDue(session: EngineSession, ids: readonly string[]) {
    return this.parts.store.nextDue(session, ids);
  }

  async run(delivery: DueDelivery, { signal }: { readonly signal: AbortSignal }): Promise<Outcome> {
    if (!hasMessage(delivery)) return { is: 'dead', reason: WITHOUT_MESSAGE, isFailure: false };
    const sent = await this.parts.requests.send(delivery, signal);
    this.sent.set(delivery, sent);
    if (!signal.aborted) this.parts.metrics.attempted(sent);
    return this.laneOutcome(delivery, sent.outcome);
  }

  async save(session: EngineSession, ended: readonly Ended<DueDelivery>[]) {
    const { store } = this.parts;
    const attempts = ended.map((each) => this.attemptOf(each));
    const unsaved = await store.saveAttempts(session, attempts);
    const over = attempts.filter(({ status }) => status !== 'pending');
    if (over.length > 0) await this.releaseBehind(session, over);
    return unsaved.size === 0 ? ended : ended.filter((_, place) => !unsaved.has(place));
  }

  async tell(
    session: EngineSession,
    saved: readonly Ended<DueDelivery>[],
    changes: ReadonlyMap<string, TargetChange>,
  ): Promise<void> {
    const events = this.eventsOf(saved, changes);
    if (events.length === 0) return;
    const there = await this.parts.store.destinations(session, destinationsOf(events));
    const told = events.flatMap((event) => {
      const destination = there.get(event.destinationId);
      return destination === undefined ? [] : [{ ...event, tenantId: destination.tenantId }];
    });
    await this.parts.events.write(session, told);
  }

  async saved(
    ended: readonly Ended<DueDelivery>[],
    changes: ReadonlyMap<string, TargetChange>,
  ): Promise<void> {
    this.parts.events.committed(this.eventsOf(ended, changes));
    for (const { item, outcome } of ended) {
      const sent = this.sent.get(item);
      if (sent !== undefined) this.parts.metrics.saved(sent, statusAfter(outcome));
    }
    for (const { item } of ended) {
      const outcome = this.sent.get(item)?.outcome;
      if (outcome?.is === 'gone') await this.parts.givingUp.gone(item, outcome.reason);
    }
    await this.parts.givingUp.failedTooLong(changes);
  }

  private async releaseBehind(session: EngineSession, over: readonly SavedAttempt[]): Promise<void> {
    const { store } = this.parts;
    const destinations = await store.destinations(session, destinationsOf(over));
    for (const order of ['entity', 'strict'] as const) {
      const ordered = over.filter(({ destinationId }) => destinations.get(destinationId)?.order === order);
      if (ordered.length > 0) await store.releaseNext(session, order, ordered);
    }
  }

  /** 410 counts as a failure of its delivery. The destination is disabled when that is saved. */
  private laneOutcome(delivery: DueDelivery, outcome: SendOutcome): Outcome {
    if (outcome.is === 'done') return { is: 'done' };
    if (outcome.is === 'target-off') return { is: 'target-off', forMs: outcome.forMs };
    const isFailure = outcome.is === 'gone' || outcome.isFailure;
    const schedule = durationsOf(this.parts.settings()['outgoing.retrySchedule']);
    const afterMs = schedule[delivery.attempts - delivery.triesFrom];
    return afterMs === undefined
      ? { is: 'dead', reason: outcome.reason, isFailure }
      : { is: 'again', afterMs, isFailure };
  }

  private attemptOf({ item, outcome }: Ended<DueDelivery>): SavedAttempt {
    const sent = this.sent.get(item);
    return {
      destinationId: item.target,
      position: item.position,
      before: item.attempts,
      status: statusAfter(outcome),
      afterMs: outcome.is === 'again' ? outcome.afterMs : null,
      counts: outcome.is !== 'target-off',
      at: sent?.at ?? new Date(),
      durationMs: sent?.durationMs ?? 0,
      statusCode: sent?.statusCode ?? null,
      error: sent !== undefined ? errorOf(sent) : outcome.is === 'dead' ? outcome.reason : null,
      answer: sent?.answer ?? null,
    };
  }

  private eventsOf(
    ended: readonly Ended<DueDelivery>[],
    changes: ReadonlyMap<string, TargetChange>,
  ): EventAbout[] {
    const most = this.limits().probeAfterFailures;
    const events: EventAbout[] = [];
    const add = (name: string, destinationId: string, payload: object) => {
      events.push({ name, destinationId, payload });
    };
    for (const [id, { before, after, at }] of changes) {
      const failingSince = (after.failingSince ?? before.failingSince)?.toISOString() ?? null;
      if (before.failures < most && after.failures >= most)
        add(destinationFailing.name, id, {
          failures: after.failures,
          failingSince: failingSince ?? at.toISOString(),
        });
      if (before.failures >= most && after.failures < most)
        add(destinationRecovered.name, id, { failingSince });
    }
    for (const { item, outcome } of ended)
      if (outcome.is === 'dead')
        add(deliveryDead.name, item.target, {
          deliveryId: deliveryId({ destinationId: item.target, position: item.position }),
          eventId: hasMessage(item) ? item.eventId : null,
          type: hasMessage(item) ? item.type : null,
          attempts: item.attempts + 1,
          error: outcome.reason,
        });
    return events;
  }
}

function destinationsOf(all: readonly { readonly destinationId: string }[]): string[] {
  return [...new Set(all.map(({ destinationId }) => destinationId))];
}

/** The status of a delivery after an attempt. */
function statusAfter({ is }: Outcome): SavedAttempt['status'] {
  if (is === 'done') return 'delivered';
  return is === 'dead' ? 'dead' : 'pending';
}
