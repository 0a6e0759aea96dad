import type { IntegrationErrorCode } from '../errors.js';

/** The codes of problems that only the admin API has. Others are the codes of `IntegrationError`. */
export const ADMIN_PROBLEM_CODES = [
  'INTEGRATION_ADMIN_UNAUTHENTICATED',
  'INTEGRATION_ADMIN_DENIED',
  'INTEGRATION_ADMIN_FORGED',
  'INTEGRATION_ADMIN_NOT_FOUND',
  'INTEGRATION_ADMIN_CHANGED',
  'INTEGRATION_ADMIN_KEY_IN_USE',
  'INTEGRATION_ADMIN_KEY_REUSED',
  'INTEGRATION_ADMIN_TOO_LARGE',
  'INTEGRATION_ADMIN_MEDIA_TYPE',
  'INTEGRATION_ADMIN_TOO_MANY_STREAMS',
  'INTEGRATION_ADMIN_REFUSED',
  'INTEGRATION_ADMIN_UNAVAILABLE',
  'INTEGRATION_ADMIN_FAILED',
] as const;

export type AdminProblemCode = (typeof ADMIN_PROBLEM_CODES)[number];
export type ProblemCode = AdminProblemCode | IntegrationErrorCode;

/** What is wrong with one field of a request. */
export interface FieldProblem {
  /** The part of the request that has the field. */
  readonly in: 'path' | 'query' | 'header' | 'body';
  /** A JSON pointer into that part: `/partitions`. */
  readonly pointer: string;
  readonly message: string;
}

/** A problem as RFC 9457 has it. */
export interface Problem {
  /** `urn:nestjs-integration:` and the code. */
  readonly type: string;
  readonly title: string;
  /** The status of the answer. */
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  /** One entry for each wrong field. */
  readonly errors?: readonly FieldProblem[];
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is not valid',
  401: 'Nobody is logged in',
  403: 'This is not allowed',
  404: 'There is no such thing',
  409: 'This cannot be done now',
  412: 'It was changed in the meantime',
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'The request contradicts an earlier one',
  429: 'There are too many requests',
  503: 'This cannot be answered now',
};

/** How many wrong fields an answer names at most. No person makes thousands of mistakes in one request. */
export const MOST_WRONG_FIELDS = 20;
const LONGEST_DETAIL = 8_000;

/** Thrown while a request is answered. The answer is then the problem that it describes. */
export class RestProblem extends Error {
  override readonly name = 'RestProblem';

  readonly errors: readonly FieldProblem[] | undefined;

  constructor(
    readonly status: number,
    readonly code: ProblemCode,
    detail: string,
    errors?: readonly FieldProblem[],
  ) {
    super(detail.length > LONGEST_DETAIL ? `${detail.slice(0, LONGEST_DETAIL).toWellFormed()}…` : detail);
    this.errors = errors?.slice(0, MOST_WRONG_FIELDS);
  }

  toProblem(): Problem {
    return {
      type: `urn:nestjs-integration:${this.code}`,
      title: TITLES[this.status] ?? (this.status < 500 ? 'The request was refused' : 'Something went wrong'),
      status: this.status,
      code: this.code,
      detail: this.message,
      ...(this.errors === undefined ? {} : { errors: this.errors }),
    };
  }
}

/** @param more how many fields are wrong besides */
export function invalidRequest(errors: readonly FieldProblem[], more = 0): RestProblem {
  const named = errors.slice(0, MOST_WRONG_FIELDS);
  const left = errors.length - named.length + more;
  const list = named.map(({ in: part, pointer, message }) => `${part} ${pointer} ${message}`);
  const all = left === 0 ? list : [...list, `and ${left} more`];
  return new RestProblem(400, 'INTEGRATION_ADMIN_INVALID', all.join('; '), named);
}

/** The page that is asked for begins behind one of a list in another order. */
export function otherOrder(): RestProblem {
  const message = 'belongs to a list in another order: give the order of that list, or leave after out';
  return invalidRequest([{ in: 'query', pointer: '/after', message }]);
}

export function deniedAction(action: string): RestProblem {
  return new RestProblem(403, 'INTEGRATION_ADMIN_DENIED', `You may not do this: ${action}`);
}

export function notFound(what: string): RestProblem {
  return new RestProblem(404, 'INTEGRATION_ADMIN_NOT_FOUND', `There is no ${what}`);
}
