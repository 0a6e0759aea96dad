import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import type { JsonProblem } from '../../events/json-problem.js';
import { connectionLabel } from '../../module/connection-endpoints.js';
import { jsonOf, type RawWebhookRequest, textOf } from './definitions/raw-request.js';
import type { WebhookSource } from './definitions/webhook-source.js';
import type { Judgement } from './payload-schema.js';
import type { ReceivedWebhook } from './receipts/received-webhook.js';
import type { ReceivingEndpoint } from './receiver.js';
import { redacted, redactedBytes } from './redaction.js';
import { sha256Hex } from './schemes/digest.js';
import { answersOf, type SourceAnswers, typeSaid } from './source-answers.js';
import { OTHER_TYPE } from './type-names.js';
import type { Verified } from './verifier.js';

/** What `metadata.webhook` of an event `webhook.<source>.<type>` holds. */
export interface WebhookMetadata {
  readonly source: string;
  readonly deliveryId: string;
  /** The type as the source says it, where the name of the event ends with `_other`. */
  readonly type?: string | undefined;
  /** `json`: the payload is the body. `bytes`: the payload is `{}`, and the body is kept as it was sent. */
  readonly body: 'json' | 'bytes';
  /** Whether the bytes are kept, also beside a payload whose numbers JavaScript would round. */
  readonly bytesKept: boolean;
  readonly contentType?: string | undefined;
  /** The place of the secret that matched in the list of the source or endpoint, from 0 on. */
  readonly secret: number;
  /** The version of the secret that matched, if it is an endpoint's. */
  readonly secretVersion?: number | undefined;
  readonly endpointId?: string | undefined;
  /** The connection that the endpoint belongs to. */
  readonly connectionId?: string | undefined;
  /** ISO times. */
  readonly signedAt?: string | undefined;
  readonly occurredAt?: string | undefined;
  /** The same body came before under another id. */
  readonly repeatedBody?: true | undefined;
  /**
   * Where the body does not fit the schema of its type, at most 20 places, without values; and which of the
   * functions `deliveryId`, `type` and `aggregate` of the source gave no answer.
   */
  readonly violations?: readonly JsonProblem[] | undefined;
}

declare module '../../events/domain-event.js' {
  interface EventMetadata {
    /** What is known of a webhook besides its body, on events `webhook.<source>.<type>`. */
    webhook?: WebhookMetadata;
  }
}

interface DeliveryContext {
  readonly verified: Verified;
  readonly tenantId: string;
  readonly endpointId: string | undefined;
  /** The endpoint of a tenant. Equal ids, bodies and aggregates of two endpoints never count as the same. */
  readonly endpoint?: ReceivingEndpoint | undefined;
  /** The type that stands in the name of the event. Default: that of the source. */
  readonly type?: string | undefined;
  /** What the source says of the request. It is asked if nothing stands here. */
  readonly answers?: SourceAnswers | undefined;
  /** What the schema of the type says. Undefined if there is none. */
  readonly judgement?: Judgement | undefined;
}

/** SHA-256 in hex of what the signature covers, by which a repeated body is found. */
export function bodyHashOf(
  request: RawWebhookRequest,
  { covers = request.body }: Verified,
  endpoint: ReceivingEndpoint | undefined,
): string {
  return sha256Hex(...within(endpoint), covers);
}

/** Makes the delivery. With `asBytes` the payload stays empty, because jsonb cannot hold the body. */
export function deliveryOf(
  source: WebhookSource,
  request: RawWebhookRequest,
  { verified, tenantId, endpointId, endpoint, judgement, type, ...context }: DeliveryContext,
  asBytes = false,
): ReceivedWebhook {
  const { answers = answersOf(source, request) } = context;
  const { deliveryId, aggregate: about } = answers;
  const json = asBytes ? undefined : jsonOf(request);
  const isJson = json !== undefined;
  const violations = judgement !== undefined && 'violations' in judgement ? judgement.violations : undefined;
  const payload = judgement !== undefined && 'payload' in judgement ? judgement.payload : json;
  const bytesKept = !isJson || (source.redact === undefined && roundsNumbers(request));
  const contentType = cleanText(request.headers['content-type'] ?? '', 255) || undefined;
  const webhook: WebhookMetadata = {
    source: source.key,
    deliveryId: nonEmpty(deliveryId, 255),
    type: type === OTHER_TYPE ? nonEmpty(answers.type, 255) : undefined,
    body: isJson ? 'json' : 'bytes',
    bytesKept,
    contentType,
    secret: verified.secret,
    secretVersion: endpoint?.versions[verified.secret],
    endpointId,
    connectionId: endpoint?.connectionId ?? undefined,
    signedAt: verified.signedAt?.toISOString(),
    occurredAt: isoOf(answers.occurredAt),
    violations,
  };
  return {
    source: source.key,
    tenantId,
    keyHash: sha256Hex(...within(endpoint), deliveryId),
    bodyHash: bodyHashOf(request, verified, endpoint),
    // Equal bodies of a sender without ids are not repetitions.
    repeatedBody: source.repeatedBody ?? (signsTime(source) || answers.isNameless ? undefined : 'mark'),
    endpointId,
    contentType,
    bytes: bytesKept ? bytesToKeep(source, request) : undefined,
    event: {
      eventName: eventNameOf(source, type ?? answers.type, violations === undefined ? '' : 'invalid.'),
      sourceModule: 'webhooks',
      aggregateType: nonEmpty(about.type, EVENT_TEXT_LIMITS.aggregateType),
      aggregateId: aggregateIdOf(about.id, endpoint),
      payload: isJson ? redacted(payload, source.redact ?? []) : {},
      metadata: { webhook, ...(tenantId === '' ? {} : { tenantId }), ...originOf(endpoint) },
    },
  };
}

/**
 * What is hashed before something that the sender of an endpoint chooses. Ids of deliveries and bodies of two
 * endpoints are then never the same. The id of an endpoint always has the same length.
 */
function within(endpoint: ReceivingEndpoint | undefined): string[] {
  return endpoint === undefined ? [] : [endpoint.id];
}

/** What comes from the other side of a connection says so, and so do the events that its handlers publish. */
function originOf(endpoint: ReceivingEndpoint | undefined): { origin?: string } {
  const { connectionId = null } = endpoint ?? {};
  return connectionId === null ? {} : { origin: connectionLabel(connectionId) };
}

/** What a tenant's sender calls its things. Events of two tenants must never wait for each other. */
function aggregateIdOf(id: string, endpoint: ReceivingEndpoint | undefined): string {
  const prefix = endpoint === undefined ? '' : `${endpoint.id}/`;
  return prefix + nonEmpty(id, EVENT_TEXT_LIMITS.aggregateId - prefix.length);
}

/** What is redacted must not come back in the bytes of JSON that jsonb cannot hold. */
function bytesToKeep({ redact }: WebhookSource, request: RawWebhookRequest): Buffer {
  const json = redact === undefined ? undefined : jsonOf(request);
  return redact === undefined || json === undefined ? request.body : redactedBytes(json, redact);
}

function eventNameOf(source: WebhookSource, given: string, mark = ''): string {
  const type = cleanText(given, Number.POSITIVE_INFINITY).replaceAll('/', '.').replace(/\s+/g, '_');
  const name = `webhook.${source.key}.${mark}${type === '' ? 'unknown' : type}`;
  return [...name].slice(0, EVENT_TEXT_LIMITS.eventName).join('');
}

/** The type of a delivery as it stands in the event's name. */
export function typeOf(
  source: WebhookSource,
  request: RawWebhookRequest,
  said = typeSaid(source, request),
): string {
  return eventNameOf(source, said).slice(`webhook.${source.key}.`.length);
}

export function signsTime({ verify }: WebhookSource): boolean {
  return verify.every((scheme) => scheme.signsTime);
}

const CONTROL_CHARACTERS = /\p{Cc}/gu;

/** A text of the sender that the database can hold. A longer text is replaced with its hash. */
function cleanText(text: string, max: number): string {
  const clean = String(text).toWellFormed().replace(CONTROL_CHARACTERS, '').trim();
  return [...clean].length > max ? `sha256:${sha256Hex(clean)}` : clean;
}

function nonEmpty(text: string, max: number): string {
  return cleanText(text, max) || 'unknown';
}

/** The source says it, and a webhook is not lost because it says no time. */
function isoOf(date: unknown): string | undefined {
  return date instanceof Date && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined;
}

/** A number with more digits than this may be larger than a number of JavaScript can hold exactly. */
const MANY_DIGITS = /(?:^|[\s,:[])-?\d[\d.]{15,}/;

function roundsNumbers(request: RawWebhookRequest): boolean {
  return MANY_DIGITS.test(textOf(request) ?? '');
}
