import type { EngineSession } from '../../../database/sql/engine-session.js';
import { messageOf } from '../../../errors.js';
import type { OutgoingAnswer } from '../../../http/outgoing-answer.js';
import type { OutgoingHttp } from '../../../http/outgoing-http.js';
import type { Ended, LaneLimits, LaneWork, Outcome, TargetChange } from '../../../lanes/lane-work.js';
import { durationsOf } from '../../../settings/durations.js';
import { firstLine } from '../../../words/first-line.js';
import type { WebhookSettings } from '../../options/webhook-settings.js';
import { deliveryId } from '../destinations/delivery.js';
import { outcomeOf, type SendOutcome } from '../sending/outcome-of.js';
import { webhookBody } from '../sending/webhook-body.js';
import { webhookHeaders } from '../sending/webhook-headers.js';
import type { EventWriter, SenderEvent } from './event-writer.js';
import type { GivingUp } from './giving-up.js';
import { deliveryDead, destinationFailing, destinationRecovered } from './sender-events.js';
import type { DueDelivery, SavedAttempt, SendingStore, SentDestination } from './sending.store.js';
import type { SendingKeyRing, SendingKeys } from './sending-keys.js';

/** What CloudEvents calls the sender. */
const SOURCE = 'urn:nestjs-integration';
/** When a destination is tried again whose secrets cannot be opened. */
const WITHOUT_KEYS_MS = 60_000;
const LONGEST_ERROR = 1_000;

/** What became of a request. */
interface Sent {
  readonly outcome: SendOutcome;
  readonly at: Date;
  readonly durationMs: number;
  readonly statusCode: number | null;
  readonly answer: string | null;
}

export interface WebhookWorkParts {
  readonly store: SendingStore;
  readonly http: Pick<OutgoingHttp, 'sendRequest'>;
  readonly keys: SendingKeyRing;
  readonly events: EventWriter;
  readonly givingUp: GivingUp;
  readonly settings: () => Readonly<WebhookSettings>;
}

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
    const at = new Date();
    const begunAt = performance.now();
    let sent: Sent;
    try {
      const keys = await this.parts.keys.of({ id: delivery.target, tenantId: delivery.tenantId });
      if (keys.secrets.length === 0) throw new Error('The destination has no secret to sign with');
      sent = sentOf(await this.send(delivery, keys, at, signal), at);
    } catch (error) {
      const outcome = {
        is: 'target-off',
        forMs: WITHOUT_KEYS_MS,
        reason: firstLine(messageOf(error)),
      } as const;
      const durationMs = Math.round(performance.now() - begunAt);
      sent = { outcome, at, durationMs, statusCode: null, answer: null };
    }
    this.sent.set(delivery, sent);
    return this.laneOutcome(delivery, sent.outcome);
  }

  async save(
    session: EngineSession,
    ended: readonly Ended<DueDelivery>[],
    changes: ReadonlyMap<string, TargetChange>,
  ): Promise<void> {
    const { store } = this.parts;
    const attempts = ended.map((each) => this.attemptOf(each));
    await store.saveAttempts(session, attempts);
    const destinations = await store.destinations(session, [...changes.keys()]);
    const over = attempts.filter(({ status }) => status !== 'pending');
    for (const order of ['entity', 'strict'] as const) {
      const ordered = over.filter(({ destinationId }) => destinations.get(destinationId)?.order === order);
      if (ordered.length > 0) await store.releaseNext(session, order, ordered);
    }
    await this.parts.events.write(session, this.eventsOf(ended, changes, destinations));
  }

  async saved(
    ended: readonly Ended<DueDelivery>[],
    changes: ReadonlyMap<string, TargetChange>,
  ): Promise<void> {
    this.parts.events.committed(this.eventsOf(ended, changes));
    for (const { item } of ended) {
      const outcome = this.sent.get(item)?.outcome;
      if (outcome?.is === 'gone') await this.parts.givingUp.gone(item, outcome.reason);
    }
    await this.parts.givingUp.failedTooLong(changes);
  }

  private send(
    { eventId, type, eventAt, data, format, url, timeoutMs }: DueDelivery,
    { secrets, headers }: SendingKeys,
    at: Date,
    signal: AbortSignal,
  ): Promise<OutgoingAnswer> {
    const settings = this.parts.settings();
    const body = webhookBody(format, { id: eventId, type, at: eventAt, data }, SOURCE);
    return this.parts.http.sendRequest({
      url,
      headers: webhookHeaders({ id: eventId, at, body, secrets, headers }),
      body: body.text,
      deadlines: { wholeMs: timeoutMs ?? settings['outgoing.timeoutMs'] },
      answerBytes: settings['outgoing.answerBytes'],
      isRepeatable: true,
      signal,
    });
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
    const reason = sent === undefined || sent.outcome.is === 'done' ? null : sent.outcome.reason;
    return {
      destinationId: item.target,
      position: item.position,
      status: outcome.is === 'done' ? 'delivered' : outcome.is === 'dead' ? 'dead' : 'pending',
      afterMs: outcome.is === 'again' ? outcome.afterMs : null,
      counts: outcome.is !== 'target-off',
      at: sent?.at ?? new Date(),
      durationMs: sent?.durationMs ?? 0,
      statusCode: sent?.statusCode ?? null,
      error: reason === null ? null : reason.slice(0, LONGEST_ERROR),
      answer: sent?.answer ?? null,
    };
  }

  /** @param destinations of those that still exist; without it, only the names of the events matter */
  private eventsOf(
    ended: readonly Ended<DueDelivery>[],
    changes: ReadonlyMap<string, TargetChange>,
    destinations?: ReadonlyMap<string, SentDestination>,
  ): SenderEvent[] {
    const most = this.limits().probeAfterFailures;
    const events: SenderEvent[] = [];
    const add = (name: string, destinationId: string, payload: object) => {
      const tenantId = destinations?.get(destinationId)?.tenantId;
      if (destinations === undefined || tenantId !== undefined)
        events.push({ name, destinationId, tenantId: tenantId ?? '', payload });
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
          eventId: item.eventId,
          type: item.type,
          attempts: item.attempts + 1,
          error: outcome.reason,
        });
    return events;
  }
}

function sentOf(answer: OutgoingAnswer, at: Date): Sent {
  const durationMs = Math.round(answer.durationMs);
  const outcome = outcomeOf(answer);
  if (answer.is === 'failed')
    return { outcome, at, durationMs, statusCode: answer.status ?? null, answer: null };
  return { outcome, at, durationMs, statusCode: answer.status, answer: textOf(answer.body) };
}

/** Postgres holds every text but the character 0. */
function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\0', '\uFFFD');
}
