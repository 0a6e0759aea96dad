import { type ServerRequest, urlOf } from '../../../http/server-request.js';
import { jsonTextAt } from './json-text.js';

/** A request of a sender, before anybody believes it. */
export interface RawWebhookRequest {
  /** In capital letters. */
  readonly method: string;
  /**
   * The URL that the sender called, with its query: the module's `publicUrl` and the path of the request.
   * Without `publicUrl` it is what the request says of itself, which a proxy may have changed.
   */
  readonly url: string;
  /** Names are in lower case. Several values of one header are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes as they were sent. */
  readonly body: Buffer;
  /** What stands behind the source's name in the path. */
  readonly endpointId?: string | undefined;
}

const parsed = new WeakMap<RawWebhookRequest, { readonly json: unknown }>();
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The body as UTF-8 text. Undefined if it is none. */
export function textOf({ body }: RawWebhookRequest): string | undefined {
  try {
    return UTF8.decode(body);
  } catch {
    return undefined;
  }
}

/** The body as JSON. Undefined if it is none. The body is parsed once. */
export function jsonOf(request: RawWebhookRequest): unknown {
  const known = parsed.get(request);
  if (known !== undefined) return known.json;
  const json = parse(textOf(request));
  parsed.set(request, { json });
  return json;
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(withoutMark(text));
  } catch {
    return undefined;
  }
}

/** Some senders put a byte order mark before a body, which is not part of JSON. */
function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

/**
 * The text at this path of the JSON body, also if it is a number there. A number that JavaScript would round
 * is the text that was sent, so two ids with many digits stay two. An element of a list is named by its
 * place: `fieldOf(request, 'value', '0', 'id')`. Undefined if there is none.
 */
export function fieldOf(request: RawWebhookRequest, ...path: readonly string[]): string | undefined {
  let value: unknown = jsonOf(request);
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? String(value) : jsonTextAt(withoutMark(textOf(request) ?? ''), path);
  return typeof value === 'string' ? value : undefined;
}

/** The fields of a body that is a form. A body of another type has none. */
export function formOf(request: RawWebhookRequest): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');
  return new URLSearchParams(isForm ? (textOf(request) ?? '') : '');
}

/** The query of the request's URL. */
export function queryOf({ url }: RawWebhookRequest): URLSearchParams {
  const start = url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
}

/** The headers of a request of Node in the form that `RawWebhookRequest` has. */
function headersOf(
  given: Readonly<Record<string, string | readonly string[] | undefined>>,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    headers[name.toLowerCase()] = typeof value === 'string' ? value : value.join(', ');
  }
  return headers;
}

/** The request in the form that sources look at. */
export function rawRequestOf(
  request: ServerRequest,
  body: Buffer,
  {
    publicUrl,
    endpointId,
  }: { readonly publicUrl: string | undefined; readonly endpointId?: string | undefined },
): RawWebhookRequest {
  const headers = headersOf(request.headers);
  const base =
    publicUrl?.replace(/\/+$/, '') ?? `${request.protocol ?? 'http'}://${headers.host ?? 'localhost'}`;
  return { method: request.method.toUpperCase(), url: base + urlOf(request), headers, body, endpointId };
}
