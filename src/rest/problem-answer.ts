import { Answer } from '../http/answer.js';
import type { RestProblem } from './problem.js';

export const PROBLEM_TYPE = 'application/problem+json';

export function problemAnswer(problem: RestProblem): Answer {
  return Answer.of(problem.toProblem(), {
    status: problem.status,
    headers: { 'Content-Type': PROBLEM_TYPE },
  });
}
