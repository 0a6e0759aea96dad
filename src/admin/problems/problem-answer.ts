import { Answer } from '../../http/answer.js';
import type { AdminProblem } from './problem.js';

const PROBLEM_TYPE = 'application/problem+json';

export function problemAnswer(problem: AdminProblem): Answer {
  return Answer.of(problem.toProblem(), {
    status: problem.status,
    headers: { 'Content-Type': PROBLEM_TYPE },
  });
}

/** The answer to an earlier request. */
export function repeatedAnswer(json: string, status: number): Answer {
  const type = status < 400 ? {} : { 'Content-Type': PROBLEM_TYPE };
  return Answer.ofText(json, { status, headers: { 'Idempotency-Replayed': 'true', ...type } });
}
