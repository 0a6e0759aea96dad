import { IncomingMessage } from 'node:http';
import { MAX_JSON_DEPTH } from '../events/event-limits.js';
import { BodyTooLarge, lengthSaidOf, readBytes, SenderGone } from '../http/read-bytes.js';
import { headerOf, type ServerRequest } from '../http/server-request.js';
import { invalidRequest, RestProblem } from './problem.js';
import { refusalOf, refusedEarly, statusOfException } from './problem-of.js';

/** The largest body of a request in bytes. */
export const MAX_BODY_BYTES = 65_536;

/**
 * How deep a body may be nested: as deep as a payload that is published, which stands in a field of the body.
 * What looks through a body, and JSON itself, takes a frame of the stack for each level.
 */
const MAX_BODY_DEPTH = MAX_JSON_DEPTH + 1;

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/**
 * The body of a write. The application's body parser has read it, or it is read here if the application has
 * none.
 *
 * @throws RestProblem 413 for more than 64 KiB, 415 for another type than JSON or a coding that nobody
 * undoes, 400 for no object
 */
export async function bodyOf(request: ServerRequest): Promise<Record<string, unknown>> {
  if (lengthSaidOf(request) > MAX_BODY_BYTES) throw bodyTooLarge();
  if (!JSON_TYPE.test(headerOf(request, 'content-type') ?? '')) throw otherType();
  const body = request.body ?? (await unreadBodyOf(request));
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw noObject();
  if (isDeeperThan(body, MAX_BODY_DEPTH)) throw tooDeep();
  // A parser that undoes a coding, or takes chunks, has no length to go by. What it made of them has one.
  const isMeasured = headerOf(request, 'content-length') !== undefined && codingOf(request) === undefined;
  if (!isMeasured && Buffer.byteLength(JSON.stringify(body)) > MAX_BODY_BYTES) throw bodyTooLarge();
  return body as Record<string, unknown>;
}

/**
 * The problem that an error in front of the routes is: of a body parser, or of a middleware or hook that
 * refuses. The words of the error stay here. Other errors stay what they are.
 */
export function problemOfBody(error: unknown, request: ServerRequest): unknown {
  if (error instanceof BodyTooLarge) return bodyTooLarge(error.limit);
  if (statusOfException(error) !== undefined) return error;
  const status = refusalOf(Object(error).statusCode);
  const coding = codingOf(request);
  if (status === 413) return bodyTooLarge(limitOf(error));
  // A body in a coding that the parser does not undo is no JSON to it.
  if ((status === 400 || status === 415) && coding !== undefined) return otherCoding(coding);
  if (status === 400) return noObject();
  if (status === 415) return otherType();
  return status !== undefined && status < 500 ? refusedEarly(status) : error;
}

/**
 * The body of a request that nobody has read. Undefined if somebody has, or if there is none. It stays on the
 * request, because an Idempotency-Key is for this body only.
 */
async function unreadBodyOf(request: ServerRequest): Promise<unknown> {
  if (!(request instanceof IncomingMessage) || !request.readable) return undefined;
  const coding = codingOf(request);
  if (coding !== undefined) throw otherCoding(coding);
  const bytes = await bytesOf(request);
  try {
    const body: unknown = JSON.parse(bytes.toString('utf8'));
    Object.assign(request, { body });
    return body;
  } catch {
    throw noObject();
  }
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  try {
    const bytes = await readBytes(request, MAX_BODY_BYTES);
    if (bytes !== undefined) return bytes;
  } catch (error) {
    // Nobody is there any more who could read the answer.
    throw error instanceof SenderGone ? noObject() : error;
  }
  // The rest is thrown away as it comes. The sender then reads the answer, and keeps its connection.
  request.resume();
  throw bodyTooLarge();
}

/** Whether a body has more levels than allowed. It is looked through level by level, without recursion. */
function isDeeperThan(body: object, levels: number): boolean {
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === levels) return true;
    level = level.flatMap((each) => Object.values(each as object)).filter(isNested);
  }
  return false;
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** The coding of a body, such as gzip. */
function codingOf(request: ServerRequest): string | undefined {
  const coding = headerOf(request, 'content-encoding')?.trim().toLowerCase();
  return coding === '' || coding === 'identity' ? undefined : coding;
}

/** The limit of the application's own parser of Express, where it takes less than the admin API would. */
function limitOf(error: unknown): number {
  const { limit } = error as { limit?: unknown };
  return typeof limit === 'number' ? Math.min(limit, MAX_BODY_BYTES) : MAX_BODY_BYTES;
}

function noObject(): RestProblem {
  return invalidRequest([{ in: 'body', pointer: '', message: 'must be a JSON object' }]);
}

function tooDeep(): RestProblem {
  const message = `must not be nested more than ${MAX_BODY_DEPTH} levels deep`;
  return invalidRequest([{ in: 'body', pointer: '', message }]);
}

function otherType(): RestProblem {
  return new RestProblem(
    415,
    'INTEGRATION_ADMIN_MEDIA_TYPE',
    'A write has a JSON object as its body, if only {}, and the header Content-Type: application/json',
    [{ in: 'header', pointer: '/Content-Type', message: 'must be application/json' }],
  );
}

function otherCoding(coding: string): RestProblem {
  return new RestProblem(
    415,
    'INTEGRATION_ADMIN_MEDIA_TYPE',
    `Nothing in this application could read the body as ${coding.slice(0, 20)}: send it without Content-Encoding`,
    [{ in: 'header', pointer: '/Content-Encoding', message: 'must be left out' }],
  );
}

/** The problem of a body with more bytes than this. */
function bodyTooLarge(limit: number = MAX_BODY_BYTES): RestProblem {
  return new RestProblem(413, 'INTEGRATION_ADMIN_TOO_LARGE', `The body has more than ${limit} bytes`, [
    { in: 'body', pointer: '', message: `must not have more than ${limit} bytes` },
  ]);
}
