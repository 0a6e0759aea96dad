import type { IncomingHttpHeaders } from 'node:http';
import { validateLater } from '../../contracts/validate.js';
import { problemsOf } from '../../contracts/violations.js';
import { unusable } from './http-errors.js';
import type { SentAnswer } from './http-parts.js';
import type { AnswerBody, HttpAnswer, HttpRequestOptions } from './http-request.js';

const JSON_TYPE = /^application\/(?:json|[^;]+\+json)\b|^text\/json\b/i;
/** They never have a body, whatever came behind their head. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** @throws IntegrationError INTEGRATION_HTTP_FAILED if the body is not what was asked for */
export async function readAnswer<T>(
  answer: SentAnswer,
  { as = 'json', schema }: Pick<HttpRequestOptions<T>, 'as' | 'schema'>,
): Promise<HttpAnswer<T>> {
  const { status, headers, requestId } = answer;
  const found = bodyOf(answer, as);
  if (schema === undefined) return { status, headers, requestId, body: found as T };
  const verdict = await validateLater(schema, found);
  if (verdict.issues === undefined) return { status, headers, requestId, body: verdict.value as T };
  const problems = problemsOf(schema, verdict.issues, 'body');
  throw unusable(
    answer.of,
    status,
    requestId,
    `was answered ${status} with a body that does not fit its schema: ${problems.map(({ path, reason }) => `${path} ${reason}`).join('; ')}`,
    { problems },
  );
}

function bodyOf(answer: SentAnswer, as: AnswerBody): unknown {
  const { status, headers, body } = answer;
  if (WITHOUT_BODY.has(status) || body.length === 0) return undefined;
  checkCoding(answer);
  if (as === 'bytes') return body;
  const text = body.toString('utf8');
  if (as === 'text') return text;
  const type = typeOf(headers);
  if (type !== undefined && !JSON_TYPE.test(type))
    throw unfit(answer, `with ${type} where JSON was expected`);
  try {
    return JSON.parse(text);
  } catch {
    throw unfit(answer, 'with a body that is no JSON');
  }
}

/** Nothing is decompressed, so an answer that is small and becomes huge does no harm. */
export function checkCoding(answer: SentAnswer): void {
  const coding = answer.headers['content-encoding']?.trim().toLowerCase();
  if (coding !== undefined && coding !== '' && coding !== 'identity')
    throw unfit(answer, 'with a compressed body, which was not asked for');
}

function unfit({ of, status, requestId }: SentAnswer, words: string): Error {
  return unusable(of, status, requestId, `was answered ${status} ${words}`);
}

/** The type without its parameters, as an error may show it. */
function typeOf(headers: IncomingHttpHeaders): string | undefined {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1);
  const said = type.trim().toLowerCase();
  if (said === '') return undefined;
  return /^[\w.+-]+\/[\w.+-]+$/.test(said) && said.length <= 100 ? said : 'an unknown type';
}
