import type { IntegrationError } from '../errors.js';
import type { FieldProblem } from './problem.js';
import { isWrite, type RestRoute } from './route.js';

/** What requests call fields that have another name in the services. */
const NAMES_IN_REQUESTS: Readonly<Record<string, string>> = {
  consumerName: 'consumer',
  outboxEventId: 'event',
  outboxEventIds: 'events',
  errorFingerprint: 'fingerprint',
  sourceModule: 'module',
};

interface Details {
  /** The name of a field, or the way to it: `filter.consumerName`. */
  readonly field?: unknown;
  readonly fields?: unknown;
  /** The way to a part of a payload: `payload.total`. */
  readonly path?: unknown;
  /** A JSON pointer from the field to its wrong part: `/3/path`. */
  readonly pointer?: unknown;
}

/**
 * Where the field of a request is that a service refuses. Some rules are known to a service only, such as
 * that a discard names something. A refusal that is about no single field points to the whole part.
 */
export function wrongFieldsOf({ details, message }: IntegrationError, route: RestRoute): FieldProblem[] {
  const { field, path, pointer = '', fields = [field ?? path] }: Details = details;
  const names = Array.isArray(fields) && fields.length > 0 ? fields : [undefined];
  return names.map((name) => {
    const place = placeOf(name, route);
    return { ...place, pointer: `${place.pointer}${pointer}`, message };
  });
}

function placeOf(name: unknown, route: RestRoute): Omit<FieldProblem, 'message'> {
  const parts = typeof name === 'string' ? name.split(/[.[]/) : [];
  const candidates = parts.flatMap((part) => [part, NAMES_IN_REQUESTS[part] ?? part]);
  for (const [place, known] of [
    ['body', route.body],
    ['query', route.query],
    ['path', route.pathFields],
  ] as const) {
    const found = candidates.find((each) => Object.hasOwn(known, each));
    if (found !== undefined) return { in: place, pointer: `/${found}` };
  }
  return { in: isWrite(route) ? 'body' : 'query', pointer: '' };
}
