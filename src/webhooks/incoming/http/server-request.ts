import type { RawWebhookRequest } from '../raw-request.js';
import { headersOf } from '../raw-request.js';

/** What is used of a request of Express or Fastify. */
export interface ServerRequest {
  readonly method: string;
  readonly url: string;
  /** The URL as it was sent. `url` lacks a part of it where Express applications are nested. */
  readonly originalUrl?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** The request of Node, if the platform wraps it. */
  readonly raw?: object | undefined;
  /** The bytes that the application keeps if it was made with `{ rawBody: true }`. */
  readonly rawBody?: unknown;
  readonly protocol?: string | undefined;
}

const kept = new WeakMap<object, Buffer>();

/** Keeps the bytes of a request of Node. */
export function keepBytes(request: object, bytes: Buffer): void {
  kept.set(request, bytes);
}

/** The bytes of a request. Undefined if something read them that does not keep them. */
export function bytesOf(request: ServerRequest): Buffer | undefined {
  const bytes = kept.get(request.raw ?? request);
  if (bytes !== undefined) return bytes;
  if (Buffer.isBuffer(request.rawBody)) return request.rawBody;
  // What comes with a GET is no body, and may have been read like one.
  if (request.method === 'GET' || request.method === 'HEAD') return Buffer.alloc(0);
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return encoding === undefined && (length === undefined || length === '0') ? Buffer.alloc(0) : undefined;
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
  const path = request.originalUrl ?? request.url;
  const base =
    publicUrl?.replace(/\/+$/, '') ?? `${request.protocol ?? 'http'}://${headers.host ?? 'localhost'}`;
  return { method: request.method.toUpperCase(), url: base + path, headers, body, endpointId };
}
