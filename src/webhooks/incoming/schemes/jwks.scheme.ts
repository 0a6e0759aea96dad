import { constants, type KeyObject, verify } from 'node:crypto';
import type { NetworkRules } from '../../../http/network-rules.js';
import type { RawWebhookRequest } from '../definitions/raw-request.js';
import {
  headerProblem,
  NO_MATCH,
  type SignatureScheme,
  type Verification,
} from '../definitions/signature-scheme.js';
import { sha256Hex } from './digest.js';
import { hasSmallOrder } from './ed25519-keys.js';
import { JwksKeys, type KeySet } from './jwks-keys.js';
import { decodeBase64, equalTexts, spelled } from './matching.js';

export interface JwksSchemeOptions {
  /**
   * The keys, or the URL where the sender publishes them. It begins with `https://`, or with `http://` on the
   * machine itself.
   */
  readonly keys: string | KeySet;
  /** A proxy by which the URL is reached, or authorities that are trusted besides those of Node. */
  readonly network?: Pick<NetworkRules, 'ca' | 'proxy'> | undefined;
  /** The header with the token. `Bearer ` before it is left out. Default: `Authorization`. */
  readonly header?: string | undefined;
  /** What `iss` has to be. */
  readonly issuer?: string | undefined;
  /** What `aud` has to be or to hold. Without it, a token that was made for somebody else is accepted. */
  readonly audience?: string | undefined;
  /** The claim with the SHA-256 of the body in hex. Without it the body is not signed. */
  readonly bodyHashClaim?: string | undefined;
  /** Further conditions, such as on `email`. Only `true` is a yes: a claim that is absent is none. */
  readonly claims?: ((claims: Readonly<Record<string, unknown>>) => boolean) | undefined;
}

interface Token {
  readonly header: { readonly alg?: unknown; readonly kid?: unknown };
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

type Check = (key: KeyObject, signed: Buffer, signature: Buffer) => boolean;

/** https://www.rfc-editor.org/rfc/rfc7518#section-3.3 asks for keys that are so long. */
const SHORTEST_RSA_BITS = 2_048;
const isRsa = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) =>
  asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= SHORTEST_RSA_BITS;
const rsa: (hash: string) => Check = (hash) => (key, signed, signature) =>
  isRsa(key) && verify(hash, signed, key, signature);
const pss: (hash: string) => Check = (hash) => (key, signed, signature) =>
  isRsa(key) &&
  verify(
    hash,
    signed,
    { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
    signature,
  );
/** An algorithm has one curve. A key of another one is not for it. */
const ec: (hash: string, curve: string) => Check = (hash, curve) => (key, signed, signature) =>
  key.asymmetricKeyType === 'ec' &&
  key.asymmetricKeyDetails?.namedCurve === curve &&
  verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);

/** `none` and HMAC are not among them: a public key must never be taken for a secret. */
const ALGORITHMS: Readonly<Record<string, Check>> = {
  RS256: rsa('sha256'),
  RS384: rsa('sha384'),
  RS512: rsa('sha512'),
  PS256: pss('sha256'),
  PS384: pss('sha384'),
  PS512: pss('sha512'),
  ES256: ec('sha256', 'prime256v1'),
  ES384: ec('sha384', 'secp384r1'),
  ES512: ec('sha512', 'secp521r1'),
  EdDSA: (key, signed, signature) =>
    key.asymmetricKeyType === 'ed25519' && !hasSmallOrder(key) && verify(null, signed, key, signature),
};

/**
 * A JSON Web Token that is signed by one of the sender's published keys.
 *
 * https://www.rfc-editor.org/rfc/rfc7515, https://www.rfc-editor.org/rfc/rfc7517
 */
export function jwksScheme(options: JwksSchemeOptions): SignatureScheme {
  const { header = 'Authorization' } = options;
  const keys = new JwksKeys(options.keys, { network: options.network });
  return {
    name: `JWT in ${header}`,
    // A token without a hash of the body may come with another body for as long as it is good.
    signsTime: options.bodyHashClaim !== undefined,
    secretKind: 'none',
    async verify(request) {
      const given = request.headers[header.toLowerCase()];
      if (given === undefined) return headerProblem(`The header ${header} is missing`);
      const token = tokenOf(given.replace(/^Bearer /i, ''));
      if (token === undefined) return headerProblem(`The header ${header} holds no JSON Web Token`);
      const wrong = TIMES.find((name) => token.claims[name] !== undefined && !dateOf(token.claims[name]));
      if (wrong !== undefined)
        return { ok: false, step: 'signature', problem: `The ${wrong} of the token is not a time` };
      const { alg, kid } = token.header;
      const check = typeof alg === 'string' && Object.hasOwn(ALGORITHMS, alg) ? ALGORITHMS[alg] : undefined;
      if (check === undefined) return headerProblem('The algorithm of the token is not supported');
      const found = await keys.find(typeof kid === 'string' ? kid : undefined, (key) =>
        check(key, token.signed, token.signature),
      );
      if (found === undefined || !fits(token.claims, request, options)) return NO_MATCH;
      return { ok: true, secret: found.place, ...timesOf(token.claims) };
    },
  };
}

function fits(
  claims: Token['claims'],
  request: RawWebhookRequest,
  { issuer, audience, bodyHashClaim, claims: further }: JwksSchemeOptions,
): boolean {
  if (issuer !== undefined && claims.iss !== issuer) return false;
  const { aud } = claims;
  if (audience !== undefined && aud !== audience && !(Array.isArray(aud) && aud.includes(audience)))
    return false;
  const hash = bodyHashClaim === undefined ? undefined : claims[bodyHashClaim];
  const isOfBody = typeof hash === 'string' && equalTexts(spelled(hash, 'hex'), sha256Hex(request.body));
  if (bodyHashClaim !== undefined && !isOfBody) return false;
  return further === undefined || further(claims) === true;
}

/** A claim of one of these names has to be a time. One that is none must not count as one that is absent. */
const TIMES = ['iat', 'nbf', 'exp'] as const;

/**
 * A token that says until when it is good is judged by that. Otherwise it has to be young. It is not good
 * before it was made.
 */
function timesOf({ iat, nbf, exp }: Token['claims']): Partial<Extract<Verification, { ok: true }>> {
  const [issued, begins, notAfter] = [dateOf(iat), dateOf(nbf), dateOf(exp)];
  const notBefore = (begins?.getTime() ?? 0) > (issued?.getTime() ?? 0) ? begins : issued;
  if (notAfter !== undefined) return { notBefore, notAfter };
  return { notBefore, signedAt: issued ?? new Date(0) };
}

/** A number of seconds since 1970 that a Date can hold. */
function dateOf(value: unknown): Date | undefined {
  const date = new Date(typeof value === 'number' ? value * 1_000 : Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function tokenOf(text: string): Token | undefined {
  const parts = text.split('.');
  const [header, claims, signature] = parts.map((part) => decodeBase64(part, 'base64url'));
  if (parts.length !== 3 || header === undefined || claims === undefined || signature === undefined)
    return undefined;
  try {
    const [head, body]: unknown[] = [JSON.parse(header.toString()), JSON.parse(claims.toString())];
    if (!isObject(head) || !isObject(body) || head.crit !== undefined) return undefined;
    return { header: head, claims: body, signed: Buffer.from(`${parts[0]}.${parts[1]}`), signature };
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
