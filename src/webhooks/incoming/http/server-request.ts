import type { RawWebhookRequest } from '../raw-request.js';
import { headersOf } from '../raw-request.js';

/** What is left on a request by whoever read its body. */
interface ReadBefore {
  /**
   * The bytes, if the application was made with `{ rawBody: true }`, or if the host keeps them, as Firebase
   * does.
   */
  readonly rawBody?: unknown;
  /** The bytes too, if the parser was one that leaves bodies as they are, such as `express.raw()`. */
  readonly body?: unknown;
  /** Whether something was read of the stream. */
  readonly readableDidRead?: boolean | undefined;
}

/** What is used of a request of Express or Fastify. */
export interface ServerRequest extends ReadBefore {
  readonly method: string;
  readonly url: string;
  /** The URL as it was sent. `url` lacks a part of it where Express applications are nested. */
  readonly originalUrl?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** The request of Node, if the platform wraps it. */
  readonly raw?: (object & ReadBefore) | undefined;
  readonly protocol?: string | undefined;
}

const kept = new WeakMap<object, Buffer>();

/** Keeps the bytes of a request of Node. */
export function keepBytes(request: object, bytes: Buffer): void {
  kept.set(request, bytes);
}

/** The bytes of a request. Undefined if something read them that does not keep them. */
export function bytesOf(request: ServerRequest): Buffer | undefined {
  const { raw = request, headers } = request;
  const bytes = kept.get(raw) ?? leftOn(request, headers) ?? leftOn(raw, headers);
  if (bytes !== undefined) return bytes;
  // What comes with a GET is no body, and may have been read like one.
  if (request.method === 'GET' || request.method === 'HEAD') return Buffer.alloc(0);
  const { 'content-length': length, 'transfer-encoding': encoding } = headers;
  const isEmpty = encoding === undefined && (length === undefined || length === '0');
  return isEmpty && raw.readableDidRead !== true ? Buffer.alloc(0) : undefined;
}

/** A parser undoes the coding of a body. What was signed are the bytes as they were sent. */
function leftOn({ rawBody, body }: ReadBefore, headers: ServerRequest['headers']): Buffer | undefined {
  if (Buffer.isBuffer(rawBody)) return rawBody;
  const { 'content-encoding': coding = 'identity' } = headers;
  return Buffer.isBuffer(body) && coding === 'identity' ? body : undefined;
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
