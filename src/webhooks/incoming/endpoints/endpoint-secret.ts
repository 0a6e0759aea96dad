import { randomBytes } from 'node:crypto';
import { checkValue } from '../../../secrets/secret-checks.js';
import { invalidArgument } from '../../../words/argument-checks.js';
import type { WebhookSource } from '../definitions/webhook-source.js';
import { problemOfSecret } from '../schemes/secret-shares.js';
import { isShort, TOO_SHORT } from '../schemes/secret-text.js';

/**
 * The secret of an endpoint: what the caller gives, or a new one.
 *
 * @throws IntegrationError INTEGRATION_ADMIN_INVALID if the source cannot use it, or if the sender makes its
 * secrets itself and none is given
 */
export function secretFor(
  source: WebhookSource,
  given: string | undefined,
): { readonly value: string; readonly isNew: boolean } {
  if (given !== undefined) {
    checkValue(given);
    const problem = problemOfSecret(given, source.verify) ?? (isShort(given) ? TOO_SHORT : undefined);
    if (problem === undefined) return { value: given, isNew: false };
    throw invalidArgument(`The secret is none of source ${JSON.stringify(source.key)}: ${problem}`, {
      field: 'secret',
    });
  }
  const value = newSecretFor(source);
  if (value !== undefined) return { value, isNew: true };
  throw invalidArgument(
    `The sender of source ${JSON.stringify(source.key)} makes its secrets itself: give the one that it shows, as secret`,
    { field: 'secret' },
  );
}

/** A new secret that the source can use. Undefined if its sender makes its secrets itself. */
export function newSecretFor({ issuesSecrets, verify }: WebhookSource): string | undefined {
  const value = `whsec_${randomBytes(32).toString('base64')}`;
  return issuesSecrets !== true && problemOfSecret(value, verify) === undefined ? value : undefined;
}
