import { headerOf, type ServerRequest } from './admin-request.js';
import { AdminProblem, invalidRequest } from './problem.js';
import { httpStatusOf } from './problem-of.js';

/** The largest body of a request in bytes. */
export const MAX_BODY_BYTES = 65_536;

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/**
 * The body of a write. The application's body parser has read it, or it is read here if the application has
 * none.
 *
 * @throws AdminProblem 413 for more than 64 KiB, 415 for another type than JSON, 400 for no object
 */
export async function bodyOf(request: ServerRequest): Promise<Record<string, unknown>> {
  if (Number(headerOf(request, 'content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  if (!JSON_TYPE.test(headerOf(request, 'content-type') ?? '')) throw otherType();
  const body = request.body ?? (await unreadBodyOf(request));
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw noObject();
  // A body that was sent in chunks has no length of its own.
  if (Buffer.byteLength(JSON.stringify(body)) > MAX_BODY_BYTES) throw tooLarge();
  return body as Record<string, unknown>;
}

/** The problem that an error of a body parser is. Other errors stay what they are. */
export function problemOfBody(error: unknown): unknown {
  const status = httpStatusOf(error);
  if (status === 400) return noObject();
  if (status === 413) return tooLarge();
  return status === 415 ? otherType() : error;
}

/** The body of a request that nobody has read. Undefined if somebody has, or if there is none. */
async function unreadBodyOf(request: ServerRequest): Promise<unknown> {
  const { readable, [Symbol.asyncIterator]: pieces } = request as Partial<NodeJS.ReadableStream>;
  if (readable !== true || pieces === undefined) return undefined;
  const read: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as unknown as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES) throw tooLarge();
    read.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(read).toString('utf8'));
  } catch {
    throw noObject();
  }
}

function noObject(): AdminProblem {
  return invalidRequest([{ in: 'body', pointer: '', message: 'must be a JSON object' }]);
}

function otherType(): AdminProblem {
  return new AdminProblem(
    415,
    'INTEGRATION_ADMIN_MEDIA_TYPE',
    'A write has a JSON object as its body, if only {}, and the header Content-Type: application/json',
    [{ in: 'header', pointer: '/Content-Type', message: 'must be application/json' }],
  );
}

function tooLarge(): AdminProblem {
  return new AdminProblem(
    413,
    'INTEGRATION_ADMIN_TOO_LARGE',
    `The body has more than ${MAX_BODY_BYTES} bytes`,
    [{ in: 'body', pointer: '', message: `must not have more than ${MAX_BODY_BYTES} bytes` }],
  );
}
