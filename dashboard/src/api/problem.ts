import type { Problem } from './schemas.ts';

/** What the API refused or could not do. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

const OWN = { type: 'about:blank', errors: undefined };

export function unreachable(): ApiProblem {
  return new ApiProblem({
    ...OWN,
    title: 'The server cannot be reached',
    status: 0,
    code: 'UNREACHABLE',
    detail: 'The request got no answer. The process may be restarting, or the network is gone.',
  });
}

export function notUnderstood(status: number): ApiProblem {
  return new ApiProblem({
    ...OWN,
    title: 'The answer cannot be understood',
    status,
    code: 'NOT_UNDERSTOOD',
    detail: `Something between this page and the API answered with status ${status}, and not as the API does.`,
  });
}

export function notAddressable(name: string): ApiProblem {
  return new ApiProblem({
    ...OWN,
    title: 'This page cannot ask for such a name',
    status: 400,
    code: 'NOT_ADDRESSABLE',
    detail: `A browser takes the name "${name}" out of every address. The command line shows what is called so.`,
  });
}

export function loggedOut(): ApiProblem {
  return new ApiProblem({
    ...OWN,
    title: 'Nobody is signed in',
    status: 401,
    code: 'INTEGRATION_ADMIN_UNAUTHENTICATED',
    detail: 'The application wants to know who you are.',
  });
}

/** One sentence for a person: what went wrong, and with which fields. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof ApiProblem)) return error instanceof Error ? error.message : String(error);
  const { title, detail, errors } = error.problem;
  if (errors === undefined || errors.length === 0)
    return detail === '' ? `${title}.` : `${title}: ${withStop(detail)}`;
  const fields = errors.map(({ pointer, message }) => `${pointer.split('/').at(-1) || 'it'} ${message}`);
  return `${title}: ${fields.join('; ')}.`;
}

function withStop(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
