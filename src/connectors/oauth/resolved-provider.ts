import { isEndpoint } from '../definition/auth-checks.js';
import type { Problem } from '../definition/connector.js';
import type {
  ClientAuthentication,
  ConnectorAuth,
  Endpoint,
  TokenQuirks,
} from '../definition/connector-auth.js';
import { invalidConnection } from '../definition/connector-errors.js';
import type { Variables } from '../definition/environment.js';
import { type Configured, type FromSecret, isFromConfig, isFromSecret } from '../definition/from-config.js';

type WithTokens = Extract<ConnectorAuth, { mode: 'oauth2' | 'oidc' | 'clientCredentials' }>;

/** What a connection has to give for its options. */
export interface Given {
  readonly variables: Variables;
  readonly secrets: Readonly<Record<string, string>>;
  readonly config: unknown;
}

/** A provider with everything that functions, variables and secrets have said. */
export interface ResolvedProvider {
  readonly mode: WithTokens['mode'];
  readonly issuer: string | undefined;
  readonly authorizationEndpoint: string | undefined;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string | undefined;
  readonly userinfoEndpoint: string | undefined;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly clientAuthentication: ClientAuthentication;
  readonly privateKey: string | undefined;
  readonly keyId: string | undefined;
  readonly algorithm: 'RS256' | 'PS256' | 'ES256' | 'EdDSA';
  readonly pkce: boolean;
  readonly authorizationParameters: Readonly<Record<string, string>>;
  readonly tokenParameters: Readonly<Record<string, string>>;
  readonly quirks: TokenQuirks;
}

/**
 * @throws IntegrationError INTEGRATION_CONNECTION_INVALID with every problem, if a function of the config
 * returns no URL, or if a secret is missing
 */
export function resolvedProvider(auth: WithTokens, given: Given): ResolvedProvider {
  const problems: Problem[] = [];
  const { options } = auth;
  const consent = auth.mode === 'clientCredentials' ? undefined : auth.options;
  const value = (name: string, of: Configured | FromSecret | undefined) =>
    of === undefined ? undefined : resolvedValue(name, of, given, problems);
  const endpoint = (name: string, of: Endpoint | undefined) =>
    of === undefined ? undefined : endpointOf(name, of, given, problems);
  const clientSecret = value('clientSecret', options.clientSecret);
  const privateKey = value('privateKey', options.privateKey);
  const provider: ResolvedProvider = {
    mode: auth.mode,
    issuer: endpoint('issuer', consent?.issuer),
    authorizationEndpoint: endpoint('authorizationEndpoint', consent?.authorizationEndpoint),
    tokenEndpoint: endpoint('tokenEndpoint', options.tokenEndpoint) ?? '',
    revocationEndpoint: endpoint('revocationEndpoint', options.revocationEndpoint),
    userinfoEndpoint: endpoint('userinfoEndpoint', consent?.userinfoEndpoint),
    clientId: value('clientId', options.clientId) ?? '',
    clientSecret,
    clientAuthentication:
      options.clientAuthentication ??
      (clientSecret !== undefined
        ? 'client_secret_basic'
        : privateKey !== undefined
          ? 'private_key_jwt'
          : 'none'),
    privateKey,
    keyId: value('keyId', options.keyId),
    algorithm: options.algorithm ?? 'RS256',
    pkce: consent?.pkce ?? true,
    authorizationParameters: consent?.authorizationParameters ?? {},
    tokenParameters: options.tokenParameters ?? {},
    quirks: options.quirks ?? {},
  };
  if (problems.length > 0)
    throw invalidConnection('The provider of the connection cannot be asked', problems);
  return provider;
}

function resolvedValue(
  name: string,
  of: Configured | FromSecret,
  { variables, secrets }: Given,
  problems: Problem[],
): string | undefined {
  if (typeof of === 'string') return of;
  const found = isFromSecret(of) ? secrets[of.name] : isFromConfig(of) ? variables.get(of.name) : undefined;
  if (found === undefined)
    problems.push({ path: `auth.${name}`, message: `there is no value of ${JSON.stringify(of.name)}` });
  return found;
}

function endpointOf(name: string, of: Endpoint, given: Given, problems: Problem[]): string | undefined {
  const made: unknown =
    typeof of === 'function' ? madeBy(of, given.config) : resolvedValue(name, of, given, problems);
  if (isEndpoint(made)) return String(made);
  if (made !== undefined || typeof of === 'function')
    problems.push({ path: `auth.${name}`, message: 'is not a URL of HTTP for this config' });
  return undefined;
}

/** A function that throws has made no URL. What it says may repeat the config. */
function madeBy(of: (config: never) => string, config: unknown): unknown {
  try {
    return of(config as never);
  } catch {
    return undefined;
  }
}
