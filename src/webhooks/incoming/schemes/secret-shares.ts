import type { Logger } from '@nestjs/common';
import type { SignatureScheme } from '../definitions/signature-scheme.js';
import type { WebhookSource } from '../definitions/webhook-source.js';
import { isShort, problemOfText, TOO_SHORT } from './secret-text.js';

const known = new WeakMap<readonly string[], readonly (readonly number[])[]>();

/**
 * For each scheme the places of the secrets that it gets, from 0 on.
 *
 * A secret belongs to the schemes of one kind. Otherwise a public key of one scheme, which everybody may
 * know, would be the HMAC key or the shared secret of another one, and anybody could forge deliveries.
 */
export function sharesOf(
  schemes: readonly SignatureScheme[],
  secrets: readonly string[],
): readonly (readonly number[])[] {
  const made = known.get(secrets);
  if (made?.length === schemes.length) return made;
  const owners = secrets.map((secret) => ownersOf(secret, schemes));
  const shares = schemes.map((scheme) =>
    owners.flatMap((each, place) => (kindsOf(each).size === 1 && each.includes(scheme) ? [place] : [])),
  );
  known.set(secrets, shares);
  return shares;
}

/**
 * Why this secret belongs to none of the schemes, or to which of them is not clear. Undefined if it is clear.
 * Nothing of the secret stands in it.
 */
export function problemOfSecret(secret: string, schemes: readonly SignatureScheme[]): string | undefined {
  const takers = schemes.filter((scheme) => kindOf(scheme) !== 'none');
  if (takers.length === 0) return undefined;
  const ofText = problemOfText(secret);
  if (ofText !== undefined) return ofText;
  const owners = ownersOf(secret, takers);
  if (owners.length === 0) return takers.map((scheme) => reasonOf(scheme, secret)).join('; ');
  const unfit = owners.find((scheme) => scheme.problemOfSecret?.(secret) !== undefined);
  if (unfit !== undefined) return reasonOf(unfit, secret);
  if (kindsOf(owners).size === 1)
    return owners
      .map((scheme) => scheme.weaknessOfSecret?.(secret))
      .find((weakness) => weakness !== undefined);
  const names = owners.map(({ name }) => name).join(', ');
  return `it fits several schemes (${names}), and a secret belongs to one: say to which with verify: [{ scheme, secrets }, …]`;
}

/** Warns of schemes that let no request in, because no secret of the source belongs to them. */
export function sayUnusable({ key, verify, secrets }: WebhookSource, logger: Logger): void {
  if (secrets === 'endpoint') return;
  const shares = sharesOf(verify, secrets);
  for (const [index, scheme] of verify.entries())
    if (kindOf(scheme) !== 'none' && shares[index]?.length === 0)
      logger.warn(
        `No secret of source "${key}" belongs to the scheme "${scheme.name}", so it lets no request in. Give it secrets with verify: [{ scheme, secrets }], or take it out.`,
      );
}

/** Warns of secrets of the application that can be guessed. Tests and examples have such secrets. */
export function sayShort({ key, verify, secrets }: WebhookSource, logger: Logger): void {
  if (secrets === 'endpoint' || verify.every((scheme) => kindOf(scheme) === 'none')) return;
  for (const [place, secret] of secrets.entries())
    if (isShort(secret)) logger.warn(`Secret ${place + 1} of source "${key}" is weak: ${TOO_SHORT}.`);
}

/** The schemes that take any text as a secret cannot share a list if they are of several kinds. */
export function problemOfKinds(schemes: readonly SignatureScheme[]): string | undefined {
  const kinds = kindsOf(schemes.filter((scheme) => !takesPublicKeysOnly(scheme)));
  return kinds.size <= 1
    ? undefined
    : `an endpoint has one list of secrets, and verify has schemes with several kinds of them (${[...kinds].join(', ')}): make a source for each kind`;
}

function ownersOf(secret: string, schemes: readonly SignatureScheme[]): readonly SignatureScheme[] {
  const own = schemes.filter(({ ownSecrets }) => ownSecrets?.includes(secret) === true);
  if (own.length > 0) return own;
  const sharing = schemes.filter((scheme) => scheme.ownSecrets === undefined && kindOf(scheme) !== 'none');
  const ofPublicKey = sharing.filter((scheme) => scheme.isPublicKey?.(secret) === true);
  if (ofPublicKey.length > 0) return ofPublicKey;
  return sharing.filter((scheme) => scheme.problemOfSecret?.(secret) === undefined);
}

function reasonOf(scheme: SignatureScheme, secret: string): string {
  return scheme.problemOfSecret?.(secret) ?? `${scheme.name} has secrets of its own`;
}

function kindOf({ secretKind, name }: SignatureScheme): string {
  return secretKind ?? name;
}

function kindsOf(schemes: readonly SignatureScheme[]): ReadonlySet<string> {
  return new Set(schemes.map(kindOf));
}

/** A secret as this package makes them. */
const ORDINARY_SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

function takesPublicKeysOnly(scheme: SignatureScheme): boolean {
  if (kindOf(scheme) === 'none') return true;
  return scheme.isPublicKey !== undefined && scheme.problemOfSecret?.(ORDINARY_SECRET) !== undefined;
}
