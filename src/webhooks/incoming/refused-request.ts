import type { RawWebhookRequest } from './definitions/raw-request.js';
import type { WebhookSource } from './definitions/webhook-source.js';
import type { RefusedStep } from './refusal.js';
import { idSaid } from './source-answers.js';

/** What is kept of a delivery that was refused: nothing of its headers and body but its id. */
export interface RefusedRequest {
  readonly step: RefusedStep;
  /** What the source calls it. Nobody has verified it, so a stranger may have chosen it. */
  readonly deliveryId?: string | undefined;
  /** What stands behind the name of the source in the path. */
  readonly endpointId?: string | undefined;
  /** The size of its body. Undefined if the body was not read. */
  readonly bytes?: number | undefined;
}

/** The columns of the table are as long. */
const LONGEST_DELIVERY_ID = 127;
const LONGEST_ENDPOINT_ID = 63;
/**
 * The id of a delivery is often a field of its body. A stranger can send many large bodies, so no larger one
 * is read for it. The source is then asked as if the body were empty, and finds an id in the headers only.
 */
const LARGEST_READ_BODY = 16_384;

const CONTROL_CHARACTERS = /\p{Cc}/gu;

/** What is kept of a delivery that was refused at this step. */
export function refusedRequest(
  step: RefusedStep,
  source: WebhookSource | undefined,
  request: RawWebhookRequest,
): RefusedRequest {
  const { body } = request;
  const asked = body.length > LARGEST_READ_BODY ? { ...request, body: Buffer.alloc(0) } : request;
  const deliveryId = source === undefined ? undefined : idSaid(source, asked);
  return {
    step,
    deliveryId: cut(deliveryId, LONGEST_DELIVERY_ID),
    endpointId: endpointIdOf(request.endpointId),
    bytes: body.length,
  };
}

/** An id from a path, which may be anything. */
export function endpointIdOf(given: unknown): string | undefined {
  return typeof given === 'string' ? cut(given, LONGEST_ENDPOINT_ID) : undefined;
}

/** The beginning of a text of a stranger, as the database can hold it. Undefined for an empty one. */
function cut(text: string | undefined, max: number): string | undefined {
  const clean = text
    ?.slice(0, 4 * max)
    .toWellFormed()
    .replace(CONTROL_CHARACTERS, '');
  return clean === undefined ? undefined : [...clean].slice(0, max).join('') || undefined;
}
