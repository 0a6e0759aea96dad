import { ApiProblem, sentenceOf } from '../api/problem.ts';
import { Foreign } from './text.tsx';

/** What went wrong, as a sentence, with its code and a way to try again. */
export function ProblemBox({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  if (error === undefined) return null;
  const code = error instanceof ApiProblem ? error.problem.code : undefined;
  return (
    <div class="box bad" role="alert">
      <p>
        <Foreign>{sentenceOf(error)}</Foreign> {code !== undefined && <span class="code muted">{code}</span>}
      </p>
      {retry !== undefined && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
