import type { RawWebhookRequest } from '../definitions/raw-request.js';
import type { WebhookSource, WebhookSourceOptions } from '../definitions/webhook-source.js';
import { type Ed25519SchemeOptions, ed25519Scheme } from '../schemes/ed25519.scheme.js';
import { type HmacSchemeOptions, hmacScheme } from '../schemes/hmac.scheme.js';
import { type JwksSchemeOptions, jwksScheme } from '../schemes/jwks.scheme.js';
import { basicScheme, sharedSecretScheme } from '../schemes/shared-secret.scheme.js';
import { webhookSource } from './make-source.js';

/** What a source has to say of itself that no ready source is for. */
export type OwnSourceOptions = Omit<WebhookSourceOptions, 'verify'>;

/** A sender that signs with HMAC in its own way. */
export function hmacSource({
  signature,
  ...options
}: OwnSourceOptions & { readonly signature: HmacSchemeOptions }): WebhookSource {
  return webhookSource({ ...options, verify: hmacScheme(signature) });
}

/** A sender that signs with Ed25519, such as Discord. The secrets are its public keys. */
export function ed25519Source({
  signature,
  ...options
}: OwnSourceOptions & { readonly signature: Ed25519SchemeOptions }): WebhookSource {
  return webhookSource({ issuesSecrets: true, ...options, verify: ed25519Scheme(signature) });
}

/** A sender that sends a JSON Web Token which one of its published keys has signed. It has no secrets. */
export function jwksSource({
  token,
  ...options
}: Omit<OwnSourceOptions, 'secrets'> & { readonly token: JwksSchemeOptions }): WebhookSource {
  return webhookSource({ ...options, secrets: ['published keys'], verify: jwksScheme(token) });
}

/**
 * A sender that shows a secret and signs nothing. Give it HTTPS, and prefer any other scheme that it has.
 *
 * @param where the header with the secret, or a function that finds it
 */
export function sharedSecretSource({
  where,
  ...options
}: OwnSourceOptions & {
  readonly where: string | ((request: RawWebhookRequest) => string | undefined);
}): WebhookSource {
  return webhookSource({ ...options, verify: sharedSecretScheme(where) });
}

/** A sender that uses basic authentication. A secret is the name, a colon and the password. */
export function basicSource(options: OwnSourceOptions): WebhookSource {
  return webhookSource({ ...options, verify: basicScheme() });
}
