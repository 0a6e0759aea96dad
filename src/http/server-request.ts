/** What is left on a request by the code that read its body. */
interface ReadBefore {
  /**
   * The bytes, if the application was made with `{ rawBody: true }`, or if the host keeps them, as Firebase
   * does.
   */
  readonly rawBody?: unknown;
  /**
   * What a parser made of the body. It is the bytes too, if the parser leaves them as they are, such as
   * `express.raw()`.
   */
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
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** The request of Node, if the platform wraps it. */
  readonly raw?: (object & ReadBefore) | undefined;
  readonly protocol?: string | undefined;
}

/** A header of a request, its first value if it was sent several times. `name` is in lower case. */
export function headerOf({ headers }: Pick<ServerRequest, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' || value === undefined ? value : value[0];
}

/** The URL of a request as it was sent: its path and its query. */
export function urlOf({ originalUrl, url }: Pick<ServerRequest, 'originalUrl' | 'url'>): string {
  return originalUrl ?? url;
}

/** The path of a request without its query, which may hold what a person typed. */
export function pathOf(request: Pick<ServerRequest, 'originalUrl' | 'url'>): string {
  return urlOf(request).split('?', 1)[0] ?? '';
}

/** The query of a request as it was sent. The application's query parser has no part in it. */
export function queryOf(request: Pick<ServerRequest, 'originalUrl' | 'url'>): string {
  const url = urlOf(request);
  const start = url.indexOf('?');
  return start < 0 ? '' : url.slice(start + 1);
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
  // What comes with a GET is not a body, and may have been read like one.
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
