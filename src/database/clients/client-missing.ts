import 'reflect-metadata';
import type { InjectionToken } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { IntegrationError } from '../../errors.js';

type Module = ModulesContainer extends Map<string, infer M> ? M : never;

/**
 * Tells why the engine's module has no provider of the host's token, because Nest's own message names an
 * inner provider and an index. Undefined if there is a provider, so that something else is wrong.
 *
 * @param seeing the engine's module
 */
export function missingClient(
  modules: ModulesContainer,
  seeing: Module | undefined,
  token: InjectionToken,
): IntegrationError | undefined {
  const all = [...modules.values()];
  if (seeing !== undefined && offers(seeing, token, new Set())) return undefined;
  const owners = all.filter(({ providers }) => providers.has(token));
  const name = nameOf(token);
  return new IntegrationError(
    'INTEGRATION_CLIENT_MISSING',
    `IntegrationModule does not find the client that clientToken names, ${name}: ${reasonOf(token, owners, seeing)}`,
    { clientToken: name, providedBy: owners.map(({ metatype }) => metatype.name) },
  );
}

/** Looks where Nest looks for a provider: in the modules that the module imports, and in what those modules
 * export of their own imports. */
function offers(
  module: Module,
  token: InjectionToken,
  seen: Set<Module>,
  among = [...module.imports],
): boolean {
  return among.some((imported) => {
    if (seen.has(imported)) return false;
    seen.add(imported);
    if (imported.exports.has(token) && imported.providers.has(token)) return true;
    return offers(imported, token, seen, reexportsOf(imported));
  });
}

function reexportsOf(module: Module): Module[] {
  return [...module.imports].filter(({ metatype }) => module.exports.has(metatype));
}

function reasonOf(token: InjectionToken, owners: readonly Module[], engine: Module | undefined): string {
  const name = nameOf(token);
  const call = (module: string) => `forRoot({ imports: [${module}], clientToken: ${name} })`;
  const [owner] = owners;
  if (owner === undefined) {
    return `no module provides it. List it among the providers and exports of a module of yours, and give that module beside the token: ${call('YourModule')}`;
  }
  const module = owner.metatype.name;
  if (engine !== undefined && importsEngine(owner, engine)) {
    return `${module} provides it, and imports IntegrationModule itself. Move it to a module of its own that exports it, and give that one beside the token: ${call('YourModule')}`;
  }
  const missing = [
    ...(engine?.imports.has(owner) === true ? [] : [`give ${module} beside the token: ${call(module)}`]),
    ...(owner.exports.has(token) ? [] : [`list it among the exports of ${module}`]),
  ];
  return `${module} provides it, but IntegrationModule cannot see it. To let it, ${missing.join(', and ')}`;
}

/** Reads the module's own decorator, because Nest lets every module import the global modules. */
function importsEngine({ metatype }: Module, engine: Module): boolean {
  const imports: readonly unknown[] = Reflect.getMetadata('imports', metatype) ?? [];
  return imports.some((each) => dynamicImportsOf(each).some(({ module }) => module === engine.metatype));
}

function dynamicImportsOf(imported: unknown): readonly { readonly module?: unknown }[] {
  if (typeof imported !== 'object' || imported === null) return [];
  return (imported as { imports?: readonly { module?: unknown }[] }).imports ?? [];
}

function nameOf(token: unknown): string {
  if (typeof token === 'function') return token.name;
  return typeof token === 'string' ? `'${token}'` : String(token);
}
