import type { AdminProblem } from './problem.js';

const PROBLEM_TYPE = 'application/problem+json';

/** What a handler returns if its answer is more than a value with status 200. */
export class Answer<out T = unknown> {
  /** For the compiler only: what the JSON text is of. It is never there. */
  declare readonly type?: T;

  private constructor(
    /** JSON text. Undefined for an answer without a body. */
    readonly body: string | undefined,
    readonly status: number,
    readonly headers: Readonly<Record<string, string>>,
  ) {}

  static of<T>(
    value: T,
    given: { status?: number; headers?: Readonly<Record<string, string>> } = {},
  ): Answer<T> {
    return new Answer(JSON.stringify(value), given.status ?? 200, given.headers ?? {});
  }

  /** The answer to an earlier request. */
  static repeated(json: string, status: number): Answer {
    const type = status < 400 ? {} : { 'Content-Type': PROBLEM_TYPE };
    return new Answer(json, status, { 'Idempotency-Replayed': 'true', ...type });
  }

  static ofProblem(problem: AdminProblem): Answer {
    const text = JSON.stringify(problem.toProblem());
    return new Answer(text, problem.status, { 'Content-Type': PROBLEM_TYPE });
  }

  /** An answer whose JSON text is already there. */
  static ofText<T>(json: string): Answer<T> {
    return new Answer(json, 200, {});
  }
}
