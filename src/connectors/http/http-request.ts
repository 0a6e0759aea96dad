import type { IncomingHttpHeaders } from 'node:http';
import type { EventSchema } from '../../contracts/schemas/event-schema.js';
import { checkNames, invalidArgument } from '../../words/argument-checks.js';
import type { Query } from './target-url.js';

/** How the body of an answer is read. */
export type AnswerBody = 'json' | 'text' | 'bytes';

/** A request through a connection. */
export interface HttpRequestOptions<T = unknown> {
  readonly query?: Query | undefined;
  /** Those of the credentials are set by the connection. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON, with its content type. At most one of `json`, `form` and `body` is given. */
  readonly json?: unknown;
  /** Sent as fields of a form. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** What the body of the answer must be, by a library that follows Standard Schema. */
  readonly schema?: EventSchema<unknown, T> | undefined;
  /** Default: `json`. An answer of another type is refused then. */
  readonly as?: AnswerBody | undefined;
  /**
   * Sent as `Idempotency-Key`. It says that the other system takes the request once, however often it comes,
   * so a POST or PATCH with a key is repeated.
   */
  readonly idempotencyKey?: string | undefined;
  /** The header for the key where the other system has another one. */
  readonly idempotencyHeader?: string | undefined;
  /** For each attempt, in milliseconds. Default: the setting `connectors.timeoutMs`. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose status says that all is well. */
export interface HttpAnswer<T = unknown> {
  readonly status: number;
  /** Names in small letters. */
  readonly headers: IncomingHttpHeaders;
  /** Undefined if there is none. */
  readonly body: T;
  /** What the other system calls the request, if it says so. */
  readonly requestId: string | undefined;
}

/** A request before credentials are put on it. */
export interface WrittenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Query | undefined;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** A text goes out in one piece with the head of its request. */
  readonly body: string | Buffer | undefined;
  /** Whether it does no harm that it comes twice. */
  readonly isRepeatable: boolean;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Whether redirects of GET and HEAD are followed. */
  readonly followsRedirects: boolean;
}

const OPTIONS: readonly (keyof HttpRequestOptions)[] = [
  'query',
  'headers',
  'json',
  'form',
  'body',
  'schema',
  'as',
  'idempotencyKey',
  'idempotencyHeader',
  'timeoutMs',
  'signal',
];
/** Those of which a second one changes nothing (RFC 9110, 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const KEY = 'idempotency-key';
const ACCEPTED: { readonly [A in AnswerBody]: string } = {
  json: 'application/json',
  text: 'text/*, */*;q=0.8',
  bytes: '*/*',
};

/** @throws IntegrationError INTEGRATION_ADMIN_INVALID for options that do not fit together */
export function writtenRequest(method: string, path: string, options: HttpRequestOptions): WrittenRequest {
  checkNames('an option of a request', options, OPTIONS);
  const { json, form, body, idempotencyKey, idempotencyHeader = KEY, as = 'json' } = options;
  if ([json, form, body].filter((each) => each !== undefined).length > 1)
    throw invalidArgument('A request has at most one of json, form and body');
  const headers: Record<string, string> = { accept: ACCEPTED[as], 'user-agent': 'nestjs-integration' };
  if (json !== undefined) headers['content-type'] = 'application/json';
  if (form !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
  for (const name in options.headers) headers[name.toLowerCase()] = options.headers[name] as string;
  const keyHeader = idempotencyHeader.toLowerCase();
  if (idempotencyKey !== undefined) headers[keyHeader] = idempotencyKey;
  return {
    method: method.toUpperCase(),
    path,
    query: options.query,
    headers,
    body: bodyOf(options),
    isRepeatable: isRepeatable(method, headers, keyHeader),
    timeoutMs: options.timeoutMs,
    signal: options.signal,
    followsRedirects: true,
  };
}

/** Whether a request may come twice: by its method, or by its key. */
export function isRepeatable(
  method: string,
  headers: Readonly<Record<string, string>>,
  keyHeader: string = KEY,
): boolean {
  return IDEMPOTENT.has(method.toUpperCase()) || headers[keyHeader] !== undefined;
}

function bodyOf({ json, form, body }: HttpRequestOptions): string | Buffer | undefined {
  if (json !== undefined) return JSON.stringify(json);
  if (form !== undefined) return new URLSearchParams({ ...form }).toString();
  return typeof body === 'object' ? Buffer.from(body) : body;
}
