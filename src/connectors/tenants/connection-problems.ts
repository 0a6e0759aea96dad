import { isDeepStrictEqual } from 'node:util';
import { IntegrationError } from '../../errors.js';
import { refusedUrl } from '../../http/refused-url.js';
import type { Connection } from '../connections/connection.js';
import { fitted, openSecrets } from '../credentials/opened-connection.js';
import { TokenStore } from '../credentials/token.store.js';
import type { FoundConnector, Problem } from '../definition/connector.js';
import { hasTokenEndpoint, needsConsent, secretsOfAuth } from '../definition/connector-auth.js';
import { isUrl } from '../definition/definition-checks.js';
import { secretsIn } from '../definition/environment.js';
import { resolvedProvider } from '../oauth/resolved-provider.js';
import type { TenantParts } from './tenant-parts.js';

/** What a connection says, as it is or as it shall be. */
export interface Said {
  readonly config: unknown;
  readonly secrets: Readonly<Record<string, string>>;
}

/** What is wrong with what a connection says. No message has a secret. */
export async function problemsOfSaid(
  connector: FoundConnector,
  { config, secrets }: Said,
  { registry, network }: Pick<TenantParts, 'registry' | 'network'>,
): Promise<{ readonly problems: readonly Problem[]; readonly config: unknown }> {
  const ofConfig = await fitted(connector.config, config, 'config');
  const ofSecrets = await fitted(connector.secrets, secrets, 'secrets');
  const problems = [...ofConfig.problems, ...ofSecrets.problems, ...missingSecrets(connector, secrets)];
  if (problems.length > 0) return { problems, config };
  const fit = ofConfig.value;
  problems.push(...problemsOfUrls(connector, fit, secrets, { registry, network }));
  if (connector.validator !== undefined)
    problems.push(...(await problemsOfValidator(connector, fit, secrets)));
  return { problems, config: fit };
}

/** The same, and whether a connection has what only a provider can give. */
export async function problemsOfConnection(
  connection: Connection,
  connector: FoundConnector,
  said: Said,
  parts: TenantParts,
): Promise<readonly Problem[]> {
  const { problems } = await problemsOfSaid(connector, said, parts);
  if (!needsConsent(connector.auth)) return problems;
  const token = await new TokenStore(parts.db).read(connection);
  const isAuthorized = token?.secret !== undefined;
  if (isAuthorized && connection.health !== 'needs_reauthorization') return problems;
  const message = isAuthorized
    ? 'its grant is not valid any more: authorize it again'
    : 'nobody has authorized it yet: authorize it';
  return [...problems, { message }];
}

/** What is stored of a connection, and a way to see later whether it is the same still. */
export async function storedSaid(
  connection: Connection,
  parts: TenantParts,
): Promise<Said & { readonly version: number }> {
  const { secrets, version } = await openSecrets(connection, parts.secrets);
  return { config: connection.config, secrets, version };
}

export function isSameConfig(a: Connection, b: Connection): boolean {
  return isDeepStrictEqual(a.config, b.config);
}

function missingSecrets({ auth }: FoundConnector, secrets: Said['secrets']): Problem[] {
  return [...new Set([...secretsOfAuth(auth), ...secretsIn(auth.options)])]
    .filter((name) => !Object.hasOwn(secrets, name))
    .map((name) => ({ path: `secrets.${name}`, message: 'it is missing' }));
}

function problemsOfUrls(
  connector: FoundConnector,
  config: unknown,
  secrets: Said['secrets'],
  { registry, network }: Pick<TenantParts, 'registry' | 'network'>,
): Problem[] {
  const { auth, http } = connector;
  const problems: Problem[] = [];
  const base = typeof http.baseUrl === 'string' ? http.baseUrl : madeUrl(http.baseUrl, config);
  if (base === undefined) problems.push({ path: 'config', message: 'it makes no base URL' });
  else {
    const refused = refusedUrl(base, network);
    if (refused !== undefined)
      problems.push({ path: 'config', message: `its base URL is refused: ${refused}` });
  }
  if (!hasTokenEndpoint(auth)) return problems;
  try {
    resolvedProvider(auth, { variables: registry.variables, secrets, config });
  } catch (error) {
    if (!(error instanceof IntegrationError)) throw error;
    problems.push(...(error.details.problems as Problem[]));
  }
  return problems;
}

function madeUrl(baseUrl: (config: never) => string, config: unknown): string | undefined {
  try {
    const made: unknown = baseUrl(config as never);
    return isUrl(made) ? String(made) : undefined;
  } catch {
    return undefined;
  }
}

/** The code of a connector may return anything, and what it throws may have a secret. */
async function problemsOfValidator(
  { validator, place }: FoundConnector,
  config: unknown,
  secrets: Said['secrets'],
): Promise<Problem[]> {
  let answer: unknown;
  try {
    answer = await validator?.(config, secrets);
  } catch {
    return [{ message: `@ConnectorValidator of ${place} has thrown an error` }];
  }
  if (answer === undefined || answer === null) return [];
  if (!Array.isArray(answer))
    return [{ message: `@ConnectorValidator of ${place} must return a list of problems` }];
  return answer.map((each: unknown) => {
    const { path, message } = Object(each) as { path?: unknown; message?: unknown };
    const said = typeof each === 'string' ? each : typeof message === 'string' ? message : 'it is not valid';
    return typeof path === 'string' ? { path, message: said } : { message: said };
  });
}
