import { storable } from '../../../delivery/partition/storable-text.js';
import { messageOf } from '../../../errors.js';
import type { OutgoingAnswer } from '../../../http/outgoing-answer.js';
import type { OutgoingHttp } from '../../../http/outgoing-http.js';
import { firstLine } from '../../../words/first-line.js';
import type { WebhookSettings } from '../../options/webhook-settings.js';
import { type AttemptOutcome, attemptOutcomeOf } from '../sending/attempt-outcome.js';
import { outcomeOf, type SendOutcome } from '../sending/outcome-of.js';
import { webhookBody } from '../sending/webhook-body.js';
import { webhookHeaders } from '../sending/webhook-headers.js';
import type { SendableDelivery } from './sending.store.js';
import type { SendingKeyRing, SendingKeys } from './sending-keys.js';

/** When a destination is tried again whose secrets cannot be opened. */
const WITHOUT_KEYS_MS = 60_000;
const LONGEST_ERROR = 1_000;

/** What is sent, and where. */
export type SentMessage = Pick<
  SendableDelivery,
  'target' | 'tenantId' | 'url' | 'format' | 'timeoutMs' | 'eventId' | 'type' | 'eventAt' | 'data'
>;

/** What became of a request. */
export interface Sent {
  readonly outcome: SendOutcome;
  /** The same, as metrics tell attempts apart. */
  readonly ended: AttemptOutcome;
  readonly at: Date;
  readonly durationMs: number;
  readonly statusCode: number | null;
  readonly answer: string | null;
}

export interface SignedRequestsParts {
  readonly http: Pick<OutgoingHttp, 'sendRequest'>;
  readonly keys: SendingKeyRing;
  readonly settings: () => Readonly<WebhookSettings>;
  /** What CloudEvents calls the sender. */
  readonly source: string;
}

/** Signs what is sent to destinations, and sends it. */
export class SignedRequests {
  constructor(private readonly parts: SignedRequestsParts) {}

  /** It never rejects: a secret that cannot be opened is an outcome as well. */
  async send(message: SentMessage, signal?: AbortSignal): Promise<Sent> {
    const at = new Date();
    const begunAt = performance.now();
    try {
      const keys = await this.parts.keys.of({ id: message.target, tenantId: message.tenantId });
      if (keys.secrets.length === 0) throw new Error('The destination has no secret to sign with');
      return sentOf(await this.request(message, keys, at, signal), at);
    } catch (error) {
      const outcome = {
        is: 'target-off',
        forMs: WITHOUT_KEYS_MS,
        reason: storable(firstLine(messageOf(error))),
      } as const;
      const durationMs = Math.round(performance.now() - begunAt);
      return { outcome, ended: 'not_signed', at, durationMs, statusCode: null, answer: null };
    }
  }

  private request(
    { eventId, type, eventAt, data, format, url, timeoutMs }: SentMessage,
    { secrets, headers }: SendingKeys,
    at: Date,
    signal: AbortSignal | undefined,
  ): Promise<OutgoingAnswer> {
    const { settings: settingsNow, source } = this.parts;
    const settings = settingsNow();
    const body = webhookBody(format, { id: eventId, type, at: eventAt, data }, source);
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
}

/** Why an attempt failed, as it is kept. Null if it did not. */
export function errorOf({ outcome }: Sent): string | null {
  return outcome.is === 'done' ? null : storable(outcome.reason.slice(0, LONGEST_ERROR));
}

function sentOf(answer: OutgoingAnswer, at: Date): Sent {
  const durationMs = Math.round(answer.durationMs);
  const outcome = outcomeOf(answer);
  const ended = attemptOutcomeOf(answer, outcome);
  if (answer.is === 'failed')
    return { outcome, ended, at, durationMs, statusCode: answer.status ?? null, answer: null };
  return { outcome, ended, at, durationMs, statusCode: answer.status, answer: textOf(answer.body) };
}

/** Postgres holds every text but the character 0. */
function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\0', '\uFFFD');
}
