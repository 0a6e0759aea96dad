import { type InjectionToken, Scope } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { IntegrationError } from '../../errors.js';

type Module = ModulesContainer extends Map<string, infer M> ? M : never;
type Provider = NonNullable<ReturnType<Module['getProviderByKey']>>;

/**
 * Refuses a boot in which Nest would make a new engine for each request. Nest does so with whatever
 * depends on a request-scoped provider, and it calls no lifecycle hook of it. Nothing would be delivered
 * then, and nothing would say so.
 *
 * @param engine the engine's module
 * @param given the tokens of what the host may have given to it
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID or INTEGRATION_OPTIONS_INVALID
 */
export function refuseScopedEngine(
  engine: Module | undefined,
  given: { readonly options: InjectionToken; readonly client: InjectionToken },
): void {
  const options = pathToScope(engine?.getProviderByKey(given.options));
  if (options !== undefined) throw scopedOptions(options);
  const client = pathToScope(engine?.getProviderByKey(given.client));
  if (client !== undefined) throw scopedClient(client);
}

/** If only the options' factory knows the token, its client is looked up later. */
export function scopedClientOf(token: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    `The provider that clientToken names (${nameOf(token)}) is request-scoped or transient, or depends on such a provider, so the application has no single one. ${REMEDY}`,
    { clientToken: nameOf(token) },
  );
}

const REMEDY =
  'The engine works outside of requests: name a client that the application has once (default scope). Code in a request may still publish in the transaction of a client of its own: give that as persistenceClient';

function scopedClient(path: readonly Provider[]): IntegrationError {
  const [client] = path.slice(1);
  const name = nameOf(client?.name);
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    `The provider that clientToken names (${name}) is created again for each ${contextOf(path)}${because(path.slice(1))}. ${REMEDY}`,
    { clientToken: name },
  );
}

function scopedOptions(path: readonly Provider[]): IntegrationError {
  const problem = `what forRootAsync injects is created again for each ${contextOf(path)}: ${namesOf(path.slice(-1))}. The options are made once, at boot: inject providers of the default scope only`;
  return new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `The options of IntegrationModule are invalid:\n- ${problem}`,
    { problems: [problem] },
  );
}

function contextOf(path: readonly Provider[]): string {
  const durable = path.at(-1)?.durable === true;
  return durable ? 'tenant (it is durable)' : 'request';
}

function because(path: readonly Provider[]): string {
  return path.length <= 1 ? '' : `, because it depends on ${namesOf(path.slice(1))}`;
}

function namesOf(path: readonly Provider[]): string {
  return path.map(({ name }) => nameOf(name)).join(' → ');
}

function nameOf(token: unknown): string {
  return typeof token === 'function' ? token.name : String(token);
}

/**
 * Returns the way from a provider down to the first request-scoped one on which it depends. Both are
 * included.
 */
function pathToScope(provider: Provider | undefined, seen = new Set<Provider>()): Provider[] | undefined {
  if (provider === undefined || seen.has(provider)) return undefined;
  seen.add(provider);
  if (provider.scope === Scope.REQUEST) return [provider];
  const properties = provider.getPropertiesMetadata() ?? [];
  const needed = [...(provider.getCtorMetadata() ?? []), ...properties.map(({ wrapper }) => wrapper)];
  for (const next of needed) {
    const path = pathToScope(next, seen);
    if (path !== undefined) return [provider, ...path];
  }
  return undefined;
}
