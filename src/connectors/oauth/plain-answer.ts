import type { TokenQuirks } from '../definition/connector-auth.js';

/** An answer of a token endpoint, as it came. */
export interface TokenHttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/**
 * Makes of a provider's answer what RFC 6749 says: JSON, an error with the status 400, a type, a lifetime
 * that is a number, scopes with spaces. What is not understood stays as it is, and is refused later.
 *
 * @param keepsIdToken whether somebody asked for an ID token. A provider may give one that nobody asked for.
 */
export function plainAnswer(
  answer: TokenHttpAnswer,
  quirks: TokenQuirks,
  { keepsIdToken }: { readonly keepsIdToken: boolean },
): TokenHttpAnswer {
  const given = parsed(answer, quirks);
  if (given === undefined) return answer;
  const { errors = {}, tokenType, expiresInSeconds, scopeSeparator } = quirks;
  const made: Record<string, unknown> = { ...given };
  let { status } = answer;
  const error = errorOf(given, quirks, status);
  if (error !== undefined) {
    made.error = Object.hasOwn(errors, error) ? errors[error] : error;
    if (status < 400) status = 400;
  } else {
    if (tokenType !== undefined && typeof made.token_type !== 'string') made.token_type = tokenType;
    const seconds = Number(made.expires_in ?? expiresInSeconds);
    // Some say 0 or null for a token that does not expire.
    if (Number.isFinite(seconds) && seconds > 0) made.expires_in = seconds;
    else delete made.expires_in;
    if (scopeSeparator !== undefined && typeof made.scope === 'string')
      made.scope = made.scope.split(scopeSeparator).join(' ');
    for (const name of ['refresh_token', 'scope']) if (made[name] === null) delete made[name];
    if (!keepsIdToken) delete made.id_token;
  }
  return { status, contentType: 'application/json', body: JSON.stringify(made) };
}

function parsed({ body, contentType }: TokenHttpAnswer, quirks: TokenQuirks) {
  if (quirks.form === true && !contentType.includes('json'))
    return Object.fromEntries(new URLSearchParams(body)) as Record<string, unknown>;
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function errorOf(
  given: Readonly<Record<string, unknown>>,
  { errorIn200 = false }: TokenQuirks,
  status: number,
): string | undefined {
  const { error } = given;
  const isError = status >= 400 || errorIn200;
  return isError && typeof error === 'string' && error !== '' ? error : undefined;
}
