import type { Type } from '@nestjs/common';
import { ContextIdFactory, type DiscoveryService, ModuleRef } from '@nestjs/core';
import { decoratedMethods, type Method, type MethodKey, type Methods } from './decorated-methods.js';

type ProviderWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A decorated method as one provider has it. */
export interface ProviderMethod {
  readonly provider: ProviderWrapper;
  /**
   * What holds its methods: the prototype of its class, or the provider itself where that is an object
   * literal.
   */
  readonly holder: Methods;
  readonly name: MethodKey;
}

/** The decorated methods of all providers and controllers, each once. */
export function providerMethods(
  discovery: DiscoveryService,
  isDecorated: (method: unknown) => boolean,
): ProviderMethod[] {
  const wrappers = [...discovery.getProviders(), ...discovery.getControllers()];
  const found = wrappers.flatMap((wrapper) => methodsOf(wrapper, isDecorated));
  return found.filter((method) => !isInheritedFromProvider(method, found));
}

/** What all providers and controllers have their methods from. */
export function providerPrototypes(discovery: DiscoveryService): object[] {
  const wrappers = [...discovery.getProviders(), ...discovery.getControllers()];
  return wrappers.map(holderOf).filter((holder) => holder !== undefined);
}

/**
 * Calls the method; on an instance that is made for the call, where its provider is request-scoped or
 * transient.
 */
export function callerOf(method: ProviderMethod, modules: ModuleRef): Method {
  const { provider, name } = method;
  return isMadePerContext(provider)
    ? callerOfNewInstance(provider, name, modules)
    : callerOfInstance(provider.instance as Methods, name);
}

/** As messages name it: `InvoiceHandlers.onInvoice (OperationsModule)`. */
export function placeOf({ provider, holder, name }: ProviderMethod): string {
  const type = (holder as { constructor?: { name?: string } }).constructor;
  const isLiteral = type === undefined || type === Object;
  const className = isLiteral ? nameOf(provider.token) : (type.name ?? nameOf(provider.token));
  const moduleName = provider.host?.metatype?.name;
  return `${className}.${String(name)}${moduleName === undefined ? '' : ` (${moduleName})`}`;
}

function methodsOf(provider: ProviderWrapper, isDecorated: (method: unknown) => boolean): ProviderMethod[] {
  // An alias (useExisting) leads to an instance that is found under its own token.
  if (provider.isAlias) return [];
  const holder = holderOf(provider);
  if (holder === undefined) return [];
  return decoratedMethods(holder, isDecorated).map((name) => ({ provider, holder, name }));
}

/** What discovery found is a shell without dependencies: the instance is made for the event. */
function callerOfNewInstance(
  { token, host }: ProviderWrapper,
  methodName: MethodKey,
  modules: ModuleRef,
): Method {
  // Of its own module: another one may have a provider of the same token.
  const own = host?.getProviderByKey<ModuleRef>(ModuleRef)?.instance;
  return async (...args) => {
    const contextId = ContextIdFactory.create();
    modules.registerRequestByContextId(args[0], contextId);
    const instance = await (own ?? modules).resolve<Methods>(token as Type<Methods>, contextId, {
      strict: own !== undefined,
    });
    return callerOfInstance(instance, methodName)(...args);
  };
}

function callerOfInstance(instance: Methods, methodName: MethodKey): Method {
  return (...args) => (instance[methodName] as Method)(...args);
}

/** A class that inherits a decorated method from another provider leaves it to that one. */
function isInheritedFromProvider(method: ProviderMethod, found: readonly ProviderMethod[]): boolean {
  if (Object.hasOwn(method.holder, method.name)) return false;
  const body = method.holder[method.name];
  return found.some((other) => other.holder[other.name] === body && Object.hasOwn(other.holder, other.name));
}

function isMadePerContext(provider: ProviderWrapper): boolean {
  return provider.isTransient || !provider.isDependencyTreeStatic();
}

/**
 * A class provider's own prototype, or that of whatever a factory or value provider holds; an object literal
 * is its own.
 */
function holderOf(provider: ProviderWrapper): Methods | undefined {
  const instance: unknown = provider.instance;
  if (typeof instance === 'object' && instance !== null) {
    const prototype: unknown = Object.getPrototypeOf(instance);
    return (prototype === Object.prototype || prototype === null ? instance : prototype) as Methods;
  }
  if (provider.isNotMetatype || provider.isFactory) return undefined;
  return (provider.metatype as Type | null)?.prototype as Methods | undefined;
}

function nameOf(token: unknown): string {
  return typeof token === 'function' ? token.name : String(token);
}
