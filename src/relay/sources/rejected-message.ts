import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.js';
import type { DomainEventInput } from '../../events/domain-event.js';
import { keyOf, type ReadMessage } from './received-event.js';
import type { SourceMessage } from './source-message.js';

/** What the event `integration.rejected.<source>` holds of a message that is no event. */
export interface RejectedMessage {
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64 of the first bytes, at most 64 KiB. */
  readonly body: string;
  /** How many bytes the whole body has. */
  readonly bodyBytes: number;
}

const MOST_BYTES = 65_536;
const MOST_HEADERS = 100;
const LONGEST_HEADER = 1_000;
const LONGEST_REASON = 2_000;
/** Quorum queues of RabbitMQ count in them how often a message came. */
const COUNTS_OF_BROKER: ReadonlySet<string> = new Set(['x-delivery-count', 'x-acquired-count']);
const CONTROL_CHARACTERS = /\p{Cc}/gu;

/**
 * The event about a message that is no event. Each is an aggregate of its own, so a handler that fails for
 * one holds up no other.
 *
 * @param error why it is no event
 * @param limits.maxPayloadBytes the limit that the event must fit into itself
 * @param limits.eventKey the key of the event that the message would have been, if it is known
 */
export function rejectionOf(
  source: string,
  received: ReadMessage,
  error: unknown,
  { maxPayloadBytes, eventKey }: { readonly maxPayloadBytes: number; readonly eventKey?: string | undefined },
): DomainEventInput {
  const { message } = received;
  const body = Buffer.from(message.body ?? []);
  const kept = body.subarray(0, Math.min(MOST_BYTES, Math.floor(maxPayloadBytes / 4)));
  const payload: RejectedMessage = {
    reason: cleanText(messageOf(error), LONGEST_REASON),
    headers: headersOf(message, Math.floor(maxPayloadBytes / 16)),
    body: kept.toString('base64'),
    bodyBytes: body.length,
  };
  const identity = message.place ?? createHash('sha256').update(body).digest('hex');
  const key = keyOfRejected(source, received, eventKey);
  return {
    eventName: `integration.rejected.${source}`,
    sourceModule: source,
    aggregateType: 'rejected-message',
    aggregateId: keyOf('', identity).slice('relay//'.length),
    payload,
    ...(key === undefined ? {} : { deduplicationKey: key }),
  };
}

/**
 * What tells a rejected message that comes again from another one: its place at the broker, or else what its
 * sender called it, together with its contents. A sender may give an id twice by mistake, and then nothing
 * says which of the two was meant, so both are kept if they differ. A message with neither has no key: an
 * equal one may be another message.
 */
function keyOfRejected(
  source: string,
  received: ReadMessage,
  eventKey: string | undefined,
): string | undefined {
  const { message } = received;
  if (message.place !== undefined) return keyOf(source, 'rejected', message.place);
  const name = eventKey ?? nameOf(received);
  if (name === undefined) return undefined;
  const headers = Object.entries(message.headers)
    .filter(([header]) => !COUNTS_OF_BROKER.has(header))
    .map(([header, value]) => [header, textOf(value)]);
  const contents = createHash('sha256')
    .update(JSON.stringify(headers))
    .update(message.body ?? '')
    .digest('hex');
  return keyOf(source, 'rejected', name, contents);
}

/** What the sender called the message: as a CloudEvent, or at the broker. */
function nameOf({ message, read }: ReadMessage): string | undefined {
  if (read.is !== 'event') return message.messageId || undefined;
  const { source, id } = read.event.attributes;
  return JSON.stringify([source, id]);
}

function headersOf({ headers }: SourceMessage, mostCharacters: number): Record<string, string> {
  const kept: Record<string, string> = {};
  let left = mostCharacters;
  for (const [name, value] of Object.entries(headers).slice(0, MOST_HEADERS)) {
    const text = cleanText(textOf(value), LONGEST_HEADER);
    const key = cleanText(name, LONGEST_HEADER);
    left -= key.length + text.length;
    if (left < 0) break;
    kept[key] = text;
  }
  return kept;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  return Array.isArray(value) ? value.map(textOf).join(', ') : String(value);
}

/** A text of the sender that the database can hold. */
function cleanText(text: string, most: number): string {
  return text.slice(0, most).toWellFormed().replace(CONTROL_CHARACTERS, ' ');
}
