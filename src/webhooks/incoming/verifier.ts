import type { DatabaseClock } from './database-clock.js';
import type { RawWebhookRequest } from './definitions/raw-request.js';
import { NO_MATCH, type Verification } from './definitions/signature-scheme.js';
import type { WebhookSource } from './definitions/webhook-source.js';
import { refusal } from './refusal.js';
import { sharesOf } from './schemes/secret-shares.js';

export type Verified = Extract<Verification, { ok: true }>;

/**
 * Verifies a request. The time is judged last and only for a signature that fits. So nobody without a secret
 * makes the process ask the database for its time.
 *
 * @throws IntegrationError INTEGRATION_WEBHOOK_HEADER, INTEGRATION_WEBHOOK_SIGNATURE,
 * INTEGRATION_WEBHOOK_TIMESTAMP
 */
export async function verifyRequest(
  source: WebhookSource,
  request: RawWebhookRequest,
  toleranceMs: number,
  clock: DatabaseClock,
): Promise<Verified> {
  const found = await firstThatFits(source, request);
  if (!found.ok) throw refusal(found.step, source.key, found.problem);
  const limit = source.toleranceMs ?? toleranceMs;
  if (!isTimed(found)) return found;
  const early = problemOfTime(found, await clock.now(), limit);
  const problem = early === undefined ? undefined : problemOfTime(found, await clock.fresh(), limit);
  if (problem === undefined) return found;
  throw refusal('timestamp', source.key, problem);
}

async function firstThatFits(source: WebhookSource, request: RawWebhookRequest): Promise<Verification> {
  // The secrets of an endpoint have been put in the place of this word.
  const secrets = source.secrets === 'endpoint' ? [] : source.secrets;
  let refused: Verification | undefined;
  const shares = sharesOf(source.verify, secrets);
  for (const [index, scheme] of source.verify.entries()) {
    const places = shares[index] ?? [];
    const own = places.map((place) => secrets[place] ?? '');
    const found = judged(await scheme.verify(request, own));
    if (found.ok) return { ...found, secret: places[found.secret] ?? found.secret };
    // A signature that does not fit says more than a header that another scheme misses.
    if (refused === undefined || found.step === 'signature') refused = found;
  }
  return refused ?? NO_MATCH;
}

/** A scheme of the application may answer anything. Only `ok: true` is a yes. */
function judged(given: Verification | null | undefined | boolean): Verification {
  if (typeof given !== 'object' || given === null) return NO_MATCH;
  return given.ok === true || given.step === 'header' || given.step === 'signature' ? given : NO_MATCH;
}

function isTimed({ signedAt, notBefore, notAfter }: Verified): boolean {
  return signedAt !== undefined || notBefore !== undefined || notAfter !== undefined;
}

function problemOfTime(
  { signedAt, notBefore, notAfter }: Verified,
  now: number,
  toleranceMs: number,
): string | undefined {
  const seconds = Math.round(toleranceMs / 1_000);
  // Each comparison with a time that is none is false, so it would pass them all.
  if ([signedAt, notBefore, notAfter].some((time) => time !== undefined && !isTime(time)))
    return 'The time of the request cannot be read';
  if (signedAt !== undefined && Math.abs(now - signedAt.getTime()) > toleranceMs)
    return `The request was signed more than ${seconds} s before or after now`;
  if (notBefore !== undefined && now < notBefore.getTime() - toleranceMs)
    return 'The token of the request is not valid yet: its time nbf or iat lies ahead';
  if (notAfter !== undefined && now > notAfter.getTime() + toleranceMs)
    return 'The token of the request has expired: its time exp is past';
  return undefined;
}

function isTime(value: unknown): boolean {
  return value instanceof Date && !Number.isNaN(value.getTime());
}
