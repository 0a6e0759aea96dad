import { messageOf } from '../../errors.js';
import { type CloudEventAttributes, SPEC_VERSION } from './cloud-event.js';
import { STRUCTURED_TYPE } from './write.js';

/** A message as it came from a broker. */
export interface ReceivedMessage {
  /** Names in any case. Their values are texts or bytes; others are not read. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly contentType?: string | undefined;
  readonly body: Uint8Array | null;
  /** The body as a value, where the client of the broker has parsed it. */
  readonly json?: { readonly value: unknown } | undefined;
}

/** A CloudEvent as it came, with its JSON as a value. */
export interface ReceivedCloudEvent {
  readonly attributes: CloudEventAttributes;
  readonly data: ReceivedData;
}

type ReceivedData =
  | { readonly is: 'json'; readonly value: unknown }
  | { readonly is: 'bytes'; readonly bytes: Uint8Array }
  | { readonly is: 'none' };

/** A CloudEvent, or what is wrong with it. `none` is a message that is no CloudEvent in either mode. */
export type ReadCloudEvent =
  | { readonly is: 'event'; readonly event: ReceivedCloudEvent }
  | { readonly is: 'invalid'; readonly problem: string }
  | { readonly is: 'none' };

/** How brokers mark attributes among their headers: Kafka, HTTP and NATS, and AMQP in two ways. */
const PREFIXES = ['ce_', 'ce-', 'cloudevents:', 'cloudevents_'] as const;
const REQUIRED = ['id', 'source', 'type'] as const;
const ATTRIBUTE_NAME = /^[a-z0-9]+$/;
/** UTF-8 that is not well-formed is an error, and a mark of the byte order is not data. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a CloudEvent of both modes. */
export function readCloudEvent(message: ReceivedMessage): ReadCloudEvent {
  const headers = textHeaders(message.headers);
  const contentType = message.contentType ?? headers.get('content-type');
  if (contentType?.toLowerCase().startsWith(STRUCTURED_TYPE)) return readStructured(message.body);
  const attributes = attributesIn(headers);
  if (attributes.specversion !== undefined) return readBinary(attributes, contentType, message);
  // NATS messages of older clients have no headers.
  return contentType === undefined && looksStructured(message.body)
    ? readStructured(message.body)
    : { is: 'none' };
}

function readBinary(
  attributes: Record<string, string>,
  contentType: string | undefined,
  message: ReceivedMessage,
): ReadCloudEvent {
  const all = contentType === undefined ? attributes : { ...attributes, datacontenttype: contentType };
  if (message.json !== undefined) return checked(all, { is: 'json', value: message.json.value });
  const { body } = message;
  if (body === null || body.length === 0) return checked(all, { is: 'none' });
  if (!isJsonType(contentType)) return checked(all, { is: 'bytes', bytes: body });
  try {
    return checked(all, { is: 'json', value: JSON.parse(UTF8.decode(body)) });
  } catch (error) {
    return { is: 'invalid', problem: `the data is no JSON: ${messageOf(error)}` };
  }
}

function readStructured(body: Uint8Array | null): ReadCloudEvent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(UTF8.decode(body ?? new Uint8Array()));
  } catch (error) {
    return { is: 'invalid', problem: `the body is no JSON: ${messageOf(error)}` };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { is: 'invalid', problem: 'the body is no object of JSON' };
  const { data, data_base64: base64, ...rest } = parsed as Record<string, unknown>;
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (value === null) continue;
    if (typeof value === 'object' || !ATTRIBUTE_NAME.test(name))
      return { is: 'invalid', problem: `${JSON.stringify(name)} is no attribute of CloudEvents` };
    attributes[name] = String(value);
  }
  if (typeof base64 === 'string')
    return checked(attributes, { is: 'bytes', bytes: Buffer.from(base64, 'base64') });
  return checked(attributes, data === undefined ? { is: 'none' } : { is: 'json', value: data });
}

function checked(attributes: Record<string, string>, data: ReceivedData): ReadCloudEvent {
  if (attributes.specversion !== SPEC_VERSION)
    return { is: 'invalid', problem: `specversion is not ${SPEC_VERSION}` };
  const missing = REQUIRED.filter((name) => (attributes[name] ?? '') === '');
  if (missing.length > 0)
    return { is: 'invalid', problem: `the CloudEvent has no ${missing.join(' and no ')}` };
  return { is: 'event', event: { attributes: attributes as unknown as CloudEventAttributes, data } };
}

function attributesIn(headers: ReadonlyMap<string, string>): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [header, value] of headers) {
    const prefix = PREFIXES.find((each) => header.startsWith(each));
    const name = prefix === undefined ? '' : header.slice(prefix.length);
    if (ATTRIBUTE_NAME.test(name)) attributes[name] = value;
  }
  return attributes;
}

function textHeaders(headers: Readonly<Record<string, unknown>>): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [name, given] of Object.entries(headers)) {
    const value: unknown = Array.isArray(given) ? given[0] : given;
    if (typeof value === 'string') texts.set(name.toLowerCase(), value);
    else if (value instanceof Uint8Array) texts.set(name.toLowerCase(), Buffer.from(value).toString('utf8'));
    else if (typeof value === 'number' || typeof value === 'boolean')
      texts.set(name.toLowerCase(), String(value));
  }
  return texts;
}

function isJsonType(contentType = 'application/json'): boolean {
  return /^[^;]*[/+]json\s*(;|$)/i.test(contentType);
}

function looksStructured(body: Uint8Array | null): boolean {
  if (body === null) return false;
  const text = Buffer.from(body).toString('utf8').trimStart();
  return text.startsWith('{') && /"specversion"\s*:/.test(text);
}
