import type { FactoryProvider, InjectionToken, Provider, Type } from '@nestjs/common';
import { DEFAULT_ENGINE } from '../words/engine-name.js';

/** The tokens of engines with a name, by that name and the class that they stand for. */
const tokens = new Map<string, Map<InjectionToken, symbol>>();

/**
 * The token under which an engine provides a class of this package: the class itself for the engine without a
 * name. Each engine with a name has tokens of its own, also for what only the engine itself uses. Nest looks
 * a token up in the whole application where it is asked to (`app.get`), and gives the last provider that it
 * finds. So a class leads to the engine without a name and never to another one, whatever the order of the
 * imports.
 */
export function tokenOf<T>(service: Type<T>, engine: string): Type<T> | symbol {
  if (engine === DEFAULT_ENGINE) return service;
  const ofEngine = tokens.get(engine) ?? new Map<InjectionToken, symbol>();
  tokens.set(engine, ofEngine);
  const token = ofEngine.get(service) ?? Symbol(`${service.name} of the integration "${engine}"`);
  ofEngine.set(service, token);
  return token;
}

/**
 * The providers of an engine under the tokens of this engine. Only classes are renamed: symbols are asked for
 * inside the engine's module alone.
 */
export function providersOf(engine: string, providers: readonly Provider[]): Provider[] {
  if (engine === DEFAULT_ENGINE) return [...providers];
  const own = new Set(providers.map((each) => (typeof each === 'function' ? each : each.provide)));
  const rename = (token: InjectionToken): InjectionToken =>
    typeof token === 'function' && own.has(token) ? tokenOf(token as Type, engine) : token;
  return providers.map((provider) => renamed(provider, rename));
}

type Rename = (token: InjectionToken) => InjectionToken;

function renamed(provider: Provider, rename: Rename): Provider {
  if (typeof provider === 'function') {
    return {
      provide: rename(provider),
      inject: dependenciesOf(provider).map(rename),
      useFactory: (...dependencies: unknown[]) => new provider(...dependencies),
    };
  }
  const provide = rename(provider.provide);
  if ('useExisting' in provider) return { provide, useExisting: rename(provider.useExisting) };
  if (!('useFactory' in provider)) return { ...provider, provide };
  const inject: FactoryProvider['inject'] = provider.inject?.map((each) =>
    typeof each === 'object' && 'token' in each ? { ...each, token: rename(each.token) } : rename(each),
  );
  return { ...provider, provide, inject: inject ?? [] };
}

/** What Nest would inject into a constructor: the types, and what `@Inject` puts in their place. */
function dependenciesOf(type: Type): InjectionToken[] {
  const types = (Reflect.getMetadata('design:paramtypes', type) ?? []) as InjectionToken[];
  const given = (Reflect.getMetadata('self:paramtypes', type) ?? []) as {
    readonly index: number;
    readonly param: InjectionToken;
  }[];
  const dependencies = [...types];
  for (const { index, param } of given) dependencies[index] = param;
  return dependencies;
}
