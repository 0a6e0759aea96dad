import { headerOf, type ServerRequest } from './admin-request.js';
import { AdminProblem, invalidRequest } from './problem.js';

/** The largest body of a request in bytes. */
export const MAX_BODY_BYTES = 65_536;

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/**
 * The body of a write, which the application's body parser has read.
 *
 * @throws AdminProblem 413 for more than 64 KiB, 415 for another type than JSON, 400 for no object
 */
export function bodyOf(request: ServerRequest): Record<string, unknown> {
  if (Number(headerOf(request, 'content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  if (!JSON_TYPE.test(headerOf(request, 'content-type') ?? '')) {
    throw new AdminProblem(
      415,
      'INTEGRATION_ADMIN_MEDIA_TYPE',
      'A write has a JSON object as its body, if only {}, and the header Content-Type: application/json',
    );
  }
  const { body } = request;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest([{ in: 'body', pointer: '', message: 'must be a JSON object' }]);
  }
  // A body that was sent in chunks has no length of its own.
  if (Buffer.byteLength(JSON.stringify(body)) > MAX_BODY_BYTES) throw tooLarge();
  return body as Record<string, unknown>;
}

function tooLarge(): AdminProblem {
  return new AdminProblem(
    413,
    'INTEGRATION_ADMIN_TOO_LARGE',
    `The body has more than ${MAX_BODY_BYTES} bytes`,
    [{ in: 'body', pointer: '', message: `must not have more than ${MAX_BODY_BYTES} bytes` }],
  );
}
