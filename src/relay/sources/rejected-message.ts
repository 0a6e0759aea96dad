import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.js';
import type { DomainEventInput } from '../../events/domain-event.js';
import { keyOf } from './received-event.js';
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
const CONTROL_CHARACTERS = /\p{Cc}/gu;

/**
 * The event about a message that is no event. Each is an aggregate of its own, so a handler that fails for
 * one holds up no other. `maxPayloadBytes` is the limit that it must fit into itself.
 */
export function rejectionOf(
  source: string,
  message: SourceMessage,
  error: unknown,
  maxPayloadBytes: number,
): DomainEventInput {
  const body = Buffer.from(message.body ?? []);
  const kept = body.subarray(0, Math.min(MOST_BYTES, Math.floor(maxPayloadBytes / 4)));
  const payload: RejectedMessage = {
    reason: cleanText(messageOf(error), LONGEST_REASON),
    headers: headersOf(message, Math.floor(maxPayloadBytes / 16)),
    body: kept.toString('base64'),
    bodyBytes: body.length,
  };
  const identity = message.place ?? createHash('sha256').update(body).digest('hex');
  return {
    eventName: `integration.rejected.${source}`,
    sourceModule: source,
    aggregateType: 'rejected-message',
    aggregateId: keyOf('', identity).slice('relay//'.length),
    payload,
    // Without a place, two equal messages cannot be told apart, and each is stored.
    ...(message.place === undefined ? {} : { deduplicationKey: keyOf(source, 'rejected', message.place) }),
  };
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
