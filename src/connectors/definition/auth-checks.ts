import { problemsOfUnknownNames } from '../../words/known-names.js';
import { problemOfText } from '../../words/text.js';
import type {
  ApiKeyOptions,
  AuthMode,
  BasicOptions,
  BearerOptions,
  ClientCredentialsOptions,
  CustomOptions,
  MtlsOptions,
  OAuth2Options,
  OidcOptions,
  TokenQuirks,
} from './connector-auth.js';
import { isFromConfig, isFromSecret } from './from-config.js';

type Given = Readonly<Record<string, unknown>>;
type Names<T> = { readonly [K in keyof Required<T>]: true };

const OF_TOKENS: Names<ClientCredentialsOptions> = {
  clientId: true,
  clientSecret: true,
  clientAuthentication: true,
  privateKey: true,
  keyId: true,
  algorithm: true,
  tokenEndpoint: true,
  revocationEndpoint: true,
  scopes: true,
  tokenParameters: true,
  quirks: true,
};
const OF_CONSENT: Names<OAuth2Options & OidcOptions> = {
  ...OF_TOKENS,
  authorizationEndpoint: true,
  userinfoEndpoint: true,
  issuer: true,
  pkce: true,
  authorizationParameters: true,
  account: true,
};

/** The options of each mode. */
const MODES: { readonly [M in AuthMode]: Given } = {
  oauth2: OF_CONSENT,
  oidc: OF_CONSENT,
  clientCredentials: OF_TOKENS,
  apiKey: { secret: true, header: true, prefix: true, query: true } satisfies Names<ApiKeyOptions>,
  basic: { username: true, password: true } satisfies Names<BasicOptions>,
  bearer: { secret: true } satisfies Names<BearerOptions>,
  mtls: { certificate: true, key: true, ca: true } satisfies Names<MtlsOptions>,
  custom: { apply: true, refresh: true } satisfies Names<CustomOptions>,
};

const QUIRKS: Names<TokenQuirks> = {
  form: true,
  errorIn200: true,
  errors: true,
  tokenType: true,
  expiresInSeconds: true,
  scopeSeparator: true,
};

const AUTHENTICATIONS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'];
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
/** The characters of the name of a header (RFC 9110). */
const HEADER = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
/** A scope has no character that separates scopes (RFC 6749, 3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/;

/** What is wrong with the option `auth`, one sentence each. */
export function problemsOfAuth(auth: unknown): string[] {
  const { mode, options } = Object(auth) as Given;
  const known = typeof mode === 'string' && Object.hasOwn(MODES, mode) ? MODES[mode as AuthMode] : undefined;
  if (known === undefined || typeof options !== 'object' || options === null)
    return [`auth must be what one of these returns: ${Object.keys(MODES).join(', ')}`];
  const given = options as Given;
  return [
    ...problemsOfUnknownNames(given, {
      known: Object.keys(known),
      kind: `an option of ${String(mode)}()`,
      prefix: 'auth.',
    }),
    ...problemsOfMode(mode as AuthMode, given),
  ];
}

function problemsOfMode(mode: AuthMode, given: Given): string[] {
  switch (mode) {
    case 'oauth2':
    case 'oidc':
      return [...problemsOfConsent(mode, given), ...problemsOfTokens(given)];
    case 'clientCredentials':
      return problemsOfTokens(given);
    case 'apiKey':
      return problemsOfApiKey(given);
    case 'basic':
      return namesOfSecrets(given, ['username', 'password']);
    case 'bearer':
      return namesOfSecrets(given, ['secret']);
    case 'mtls':
      return namesOfSecrets(given, ['certificate', 'key', 'ca']);
    case 'custom':
      return [
        ...(typeof given.apply === 'function' ? [] : ['auth.apply must be a function']),
        ...(given.refresh === undefined || typeof given.refresh === 'function'
          ? []
          : ['auth.refresh must be a function']),
      ];
  }
}

function problemsOfConsent(mode: AuthMode, given: Given): string[] {
  const { pkce, account, authorizationParameters } = given;
  return [
    ...endpointProblem('authorizationEndpoint', given.authorizationEndpoint, false),
    ...endpointProblem('userinfoEndpoint', given.userinfoEndpoint, true),
    ...endpointProblem('issuer', given.issuer, mode === 'oauth2'),
    ...(pkce === undefined || typeof pkce === 'boolean' ? [] : ['auth.pkce must be true or false']),
    ...(account === undefined || typeof account === 'function' ? [] : ['auth.account must be a function']),
    ...parametersProblem('authorizationParameters', authorizationParameters),
  ];
}

function problemsOfTokens(given: Given): string[] {
  const { clientAuthentication, clientSecret, privateKey, algorithm, scopes } = given;
  const authentication = clientAuthentication;
  return [
    ...endpointProblem('tokenEndpoint', given.tokenEndpoint, false),
    ...endpointProblem('revocationEndpoint', given.revocationEndpoint, true),
    ...valueProblem('clientId', given.clientId, false),
    ...valueProblem('clientSecret', clientSecret, true),
    ...valueProblem('privateKey', privateKey, true),
    ...valueProblem('keyId', given.keyId, true),
    ...(authentication === undefined || AUTHENTICATIONS.includes(String(authentication))
      ? []
      : [`auth.clientAuthentication must be one of ${AUTHENTICATIONS.join(', ')}`]),
    ...(String(authentication).startsWith('client_secret') && clientSecret === undefined
      ? [`auth.clientAuthentication is ${String(authentication)}, and there is no auth.clientSecret`]
      : []),
    ...(authentication === 'private_key_jwt' && privateKey === undefined
      ? ['auth.clientAuthentication is private_key_jwt, and there is no auth.privateKey']
      : []),
    ...(algorithm === undefined || ALGORITHMS.includes(String(algorithm))
      ? []
      : [`auth.algorithm must be one of ${ALGORITHMS.join(', ')}`]),
    ...(scopes === undefined || (Array.isArray(scopes) && scopes.every((scope) => SCOPE.test(String(scope))))
      ? []
      : ['auth.scopes must be a list of scopes, without spaces and quotes']),
    ...parametersProblem('tokenParameters', given.tokenParameters),
    ...problemsOfQuirks(given.quirks),
  ];
}

function problemsOfQuirks(quirks: unknown): string[] {
  if (quirks === undefined) return [];
  if (typeof quirks !== 'object' || quirks === null) return ['auth.quirks must be an object'];
  const given = quirks as Given;
  const flags = ['form', 'errorIn200'].flatMap((name) =>
    given[name] === undefined || typeof given[name] === 'boolean'
      ? []
      : [`auth.quirks.${name} must be true or false`],
  );
  const seconds = given.expiresInSeconds;
  return [
    ...problemsOfUnknownNames(given, {
      known: Object.keys(QUIRKS),
      kind: 'a quirk',
      prefix: 'auth.quirks.',
    }),
    ...flags,
    ...parametersProblem('quirks.errors', given.errors),
    ...(['tokenType', 'scopeSeparator'] as const).flatMap((name) =>
      given[name] === undefined || (typeof given[name] === 'string' && given[name] !== '')
        ? []
        : [`auth.quirks.${name} must be a text`],
    ),
    ...(seconds === undefined || (typeof seconds === 'number' && seconds >= 1)
      ? []
      : ['auth.quirks.expiresInSeconds must be a number from 1 on']),
  ];
}

function problemsOfApiKey(given: Given): string[] {
  const { header, query, prefix } = given;
  return [
    ...namesOfSecrets(given, ['secret']),
    ...((header === undefined) === (query === undefined) ? ['apiKey() needs either header or query'] : []),
    ...(header === undefined || (typeof header === 'string' && HEADER.test(header))
      ? []
      : ['auth.header must be the name of a header']),
    ...(query === undefined || problemOfText(query, 127) === undefined
      ? []
      : ['auth.query must be the name of a parameter']),
    ...(prefix === undefined || (typeof prefix === 'string' && header !== undefined)
      ? []
      : ['auth.prefix must be a text, and stands before the key in a header']),
  ];
}

function namesOfSecrets(given: Given, names: readonly string[]): string[] {
  return names.flatMap((name) =>
    given[name] === undefined || problemOfText(given[name], 100) === undefined
      ? []
      : [`auth.${name} must be the name of a secret`],
  );
}

function valueProblem(name: string, value: unknown, isOptional: boolean): string[] {
  if (value === undefined && isOptional) return [];
  if (isFromConfig(value) || isFromSecret(value) || problemOfText(value, 65_536) === undefined) return [];
  return [`auth.${name} must be a text, fromConfig(…) or fromSecret(…)`];
}

function endpointProblem(name: string, value: unknown, isOptional: boolean): string[] {
  if (value === undefined && isOptional) return [];
  if (typeof value === 'function' || isFromConfig(value) || isEndpoint(value)) return [];
  return [`auth.${name} must be a URL of HTTP, fromConfig(…) or a function of the config`];
}

/** A URL of HTTP. Its query may say something, as that of some token endpoints does. */
export function isEndpoint(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, username, password, hash } = new URL(value);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '' && hash === '';
}

function parametersProblem(name: string, value: unknown): string[] {
  const isRight =
    value === undefined ||
    (typeof value === 'object' &&
      value !== null &&
      Object.values(value).every((each) => typeof each === 'string'));
  return isRight ? [] : [`auth.${name} must be an object of texts`];
}
