import { isEventSchema } from '../../../contracts/event-schema.js';
import { IntegrationError } from '../../../errors.js';
import type { SignatureScheme } from '../signature-scheme.js';
import type { WebhookSource, WebhookSourceOptions } from '../webhook-source.js';

const KEY = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/**
 * Makes a source out of options, for a sender that none of the ready sources is for.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
export function webhookSource(options: WebhookSourceOptions): WebhookSource {
  const { secrets: given } = options;
  const isOfEndpoints = given === 'endpoint';
  const secrets = typeof given === 'string' ? [given] : [...(given ?? [])];
  const verify = Array.isArray(options.verify) ? [...options.verify] : [options.verify];
  const problems = [
    ...(typeof options.key === 'string' && KEY.test(options.key)
      ? []
      : ['key must be small letters, digits, - and _, at most 63 characters']),
    ...(secrets.length > 0 && secrets.every((secret) => typeof secret === 'string' && secret !== '')
      ? []
      : ['secrets must be a text, or a list of texts, and none of them may be empty']),
    ...(verify.length > 0 ? [] : ['verify must be a scheme, or a list of schemes']),
    ...problemsOfRedact(options.redact),
    ...problemsOfSchemas(options.schemas),
    ...problemsOfNumber('maxBodyBytes', options.maxBodyBytes),
    ...problemsOfNumber('toleranceMs', options.toleranceMs),
    ...(isOfEndpoints ? [] : problemsOfSecrets(secrets, verify)),
  ];
  if (problems.length === 0) return { ...options, secrets: isOfEndpoints ? given : secrets, verify };
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `The webhook source ${JSON.stringify(options.key)} cannot be used: ${problems.join('; ')}`,
    { problems },
  );
}

function problemsOfRedact(redact: unknown): string[] {
  const isPath = (path: unknown) => typeof path === 'string' && path.split('.').every((key) => key !== '');
  return redact === undefined || (Array.isArray(redact) && redact.every(isPath))
    ? []
    : ['redact must be a list of paths such as "customer.email"'];
}

function problemsOfSchemas(schemas: WebhookSourceOptions['schemas'] = {}): string[] {
  return Object.entries(schemas ?? {}).flatMap(([type, schema]) =>
    isEventSchema(schema)
      ? []
      : [`schemas[${JSON.stringify(type)}] is no schema: give one that has Standard Schema, or jsonSchema()`],
  );
}

function problemsOfNumber(name: string, value: number | undefined): string[] {
  return value === undefined || (Number.isSafeInteger(value) && value > 0)
    ? []
    : [`${name} must be a whole number above 0`];
}

/** Each secret has to be one that at least one of the schemes can use. No secret stands in a message. */
function problemsOfSecrets(secrets: readonly string[], verify: readonly SignatureScheme[]): string[] {
  return secrets.flatMap((secret, place) => {
    if (typeof secret !== 'string') return [];
    const problem = problemOfSecret(secret, verify);
    return problem === undefined ? [] : [`secret ${place + 1}: ${problem}`];
  });
}

/** Why none of the schemes can use this secret. Undefined if one of them can. */
export function problemOfSecret(secret: string, verify: readonly SignatureScheme[]): string | undefined {
  const found = verify.map((scheme) => scheme?.problemOfSecret?.(secret));
  return found.every((problem) => problem !== undefined) ? found.join('; ') : undefined;
}
