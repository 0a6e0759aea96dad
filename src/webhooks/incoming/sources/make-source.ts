import { isEventSchema } from '../../../contracts/schemas/event-schema.js';
import { IntegrationError } from '../../../errors.js';
import { problemsOfChoice } from '../../../module/option-checks.js';
import type { SchemeWithSecrets, SignatureScheme } from '../definitions/signature-scheme.js';
import type { WebhookSource, WebhookSourceOptions } from '../definitions/webhook-source.js';
import { problemOfKinds, problemOfSecret } from '../schemes/secret-shares.js';

const KEY = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/**
 * Makes a source out of options, for a sender that none of the ready sources is for.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
export function webhookSource(options: WebhookSourceOptions): WebhookSource {
  const { secrets: given } = options;
  const isOfEndpoints = given === 'endpoint';
  const schemes = listOf(options.verify);
  const own = schemes.flatMap((each) => (isWithSecrets(each) ? textsOf(each.secrets) : []));
  const secrets = [...new Set([...(isOfEndpoints ? [] : textsOf(given)), ...own])];
  const verify = schemes.map(schemeOf);
  const problems = [
    ...(typeof options.key === 'string' && KEY.test(options.key)
      ? []
      : ['key must be small letters, digits, - and _, at most 63 characters']),
    ...((isOfEndpoints || secrets.length > 0) &&
    secrets.every((secret) => typeof secret === 'string' && secret !== '')
      ? []
      : ['secrets must be a text, or a list of texts, and none of them may be empty']),
    ...(secrets.includes('endpoint')
      ? [
          "a list with the word 'endpoint' would make it a secret: write secrets: 'endpoint' for the secrets of endpoints",
        ]
      : []),
    ...problemsOfTypes(options.types),
    ...(verify.length > 0 ? [] : ['verify must be a scheme, or a list of schemes']),
    ...problemsOfIdentity(options),
    ...problemsOfRedact(options.redact),
    ...problemsOfSchemas(options.schemas),
    ...problemsOfChoice('repeatedBody', options.repeatedBody ?? 'mark', ['mark', 'reject']),
    ...problemsOfChoice('invalid', options.invalid ?? 'mark', ['mark', 'reject']),
    ...problemsOfNumber('maxBodyBytes', options.maxBodyBytes),
    ...problemsOfNumber('toleranceMs', options.toleranceMs),
    ...(isOfEndpoints ? problemsOfEndpoints(own, verify) : problemsOfSecrets(secrets, verify)),
  ];
  const { deliveryId: named } = options;
  const deliveryId = named === 'none' ? () => null : named;
  if (problems.length === 0)
    return { ...options, secrets: isOfEndpoints ? given : secrets, verify, deliveryId };
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `The webhook source ${JSON.stringify(options.key)} cannot be used: ${problems.join('; ')}`,
    { problems },
  );
}

function problemsOfIdentity({ deliveryId, repeatedBody }: WebhookSourceOptions): string[] {
  if (deliveryId === 'none')
    return repeatedBody === 'reject'
      ? ["repeatedBody: 'reject' loses equal bodies, which deliveryId: 'none' keeps: choose one of them"]
      : [];
  return typeof deliveryId === 'function' ? [] : ["deliveryId must be a function, or 'none'"];
}

function problemsOfRedact(redact: unknown): string[] {
  const isPath = (path: unknown) => typeof path === 'string' && path.split('.').every((key) => key !== '');
  return redact === undefined || (Array.isArray(redact) && redact.every(isPath))
    ? []
    : ['redact must be a list of paths such as "customer.email"'];
}

function problemsOfTypes(types: unknown): string[] {
  const isType = (type: unknown) => typeof type === 'string' && type !== '';
  return types === undefined || (Array.isArray(types) && types.every(isType))
    ? []
    : ['types must be a list of texts, and none of them may be empty'];
}

function problemsOfSchemas(schemas: WebhookSourceOptions['schemas'] = {}): string[] {
  return Object.entries(schemas ?? {}).flatMap(([type, schema]) =>
    isEventSchema(schema)
      ? []
      : [
          `schemas[${JSON.stringify(type)}] is not a schema: give one that has Standard Schema, or jsonSchema()`,
        ],
  );
}

function problemsOfNumber(name: string, value: number | undefined): string[] {
  return value === undefined || (Number.isSafeInteger(value) && value > 0)
    ? []
    : [`${name} must be a whole number above 0`];
}

/** Each secret has to belong to one kind of schemes. No secret stands in a message. */
function problemsOfSecrets(secrets: readonly string[], verify: readonly SignatureScheme[]): string[] {
  if (verify.some((scheme) => !isScheme(scheme))) return [];
  return secrets.flatMap((secret, place) => {
    if (typeof secret !== 'string') return [];
    const problem = problemOfSecret(secret, verify);
    return problem === undefined ? [] : [`secret ${place + 1}: ${problem}`];
  });
}

function problemsOfEndpoints(own: readonly string[], verify: readonly SignatureScheme[]): string[] {
  if (own.length > 0) return ["with secrets: 'endpoint' the schemes have no secrets of their own"];
  const problem = problemOfKinds(verify.filter(isScheme));
  return problem === undefined ? [] : [problem];
}

function isScheme(value: SignatureScheme | undefined): value is SignatureScheme {
  return typeof value?.verify === 'function';
}

function isWithSecrets(value: SignatureScheme | SchemeWithSecrets): value is SchemeWithSecrets {
  return value !== undefined && 'scheme' in value;
}

function listOf(verify: WebhookSourceOptions['verify']): readonly (SignatureScheme | SchemeWithSecrets)[] {
  return Array.isArray(verify) ? verify : [verify as SignatureScheme | SchemeWithSecrets];
}

function textsOf(secrets: string | readonly string[] | undefined): readonly string[] {
  return typeof secrets === 'string' ? [secrets] : [...(secrets ?? [])];
}

function schemeOf(each: SignatureScheme | SchemeWithSecrets): SignatureScheme {
  if (!isWithSecrets(each)) return each;
  const { scheme, secrets } = each;
  return {
    name: scheme.name,
    signsTime: scheme.signsTime,
    signsUrl: scheme.signsUrl,
    secretKind: scheme.secretKind,
    ownSecrets: textsOf(secrets),
    verify: (request, given) => scheme.verify(request, given),
    problemOfSecret: (secret) => scheme.problemOfSecret?.(secret),
    weaknessOfSecret: (secret) => scheme.weaknessOfSecret?.(secret),
    isPublicKey: (secret) => scheme.isPublicKey?.(secret) === true,
  };
}
