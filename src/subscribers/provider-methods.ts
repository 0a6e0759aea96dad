import { Logger, type Type } from '@nestjs/common';
import { ContextIdFactory, type DiscoveryService, ModuleRef } from '@nestjs/core';
import { enhancersOf } from './enhancers.js';

type MethodKey = string | symbol;
type Method = (...args: unknown[]) => unknown;
type Methods = Record<MethodKey, Method>;
type ProviderWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A decorated method of one provider. */
export interface ProviderMethod {
  readonly provider: ProviderWrapper;
  /**
   * The object that has the methods: the prototype of the provider's class, or the provider itself if it is
   * an object literal.
   */
  readonly holder: Methods;
  readonly name: MethodKey;
}

/** Returns the decorated methods of all providers and controllers, each once. */
export function providerMethods(
  discovery: DiscoveryService,
  isDecorated: (method: unknown) => boolean,
): ProviderMethod[] {
  const wrappers = [...discovery.getProviders(), ...discovery.getControllers()];
  const found = wrappers.flatMap((wrapper) => methodsOf(wrapper, isDecorated));
  const methods = found.filter((method) => !isInheritedFromProvider(method, found));
  methods.forEach(tellOfEnhancers);
  return methods;
}

/** Returns the objects that have the methods of all providers and controllers. */
export function providerPrototypes(discovery: DiscoveryService): object[] {
  const wrappers = [...discovery.getProviders(), ...discovery.getControllers()];
  return wrappers.map(holderOf).filter((holder) => holder !== undefined);
}

/**
 * Returns a function that calls the method. If the provider is request-scoped or transient, each call uses a
 * new instance.
 */
export function callerOf(method: ProviderMethod, modules: ModuleRef): Method {
  const { provider, name } = method;
  return isMadePerContext(provider)
    ? callerOfNewInstance(provider, name, modules)
    : callerOfInstance(provider.instance as Methods, name);
}

/** The place of the method for messages: `InvoiceHandlers.onInvoice (OperationsModule)`. */
export function placeOf({ provider, holder, name }: ProviderMethod): string {
  const type = (holder as { constructor?: { name?: string } }).constructor;
  const isLiteral = type === undefined || type === Object;
  const className = isLiteral ? nameOf(provider.token) : (type.name ?? nameOf(provider.token));
  const moduleName = provider.host?.metatype?.name;
  return `${className}.${String(name)}${moduleName === undefined ? '' : ` (${moduleName})`}`;
}

/** The methods of each provider that were told of. */
const told = new WeakMap<ProviderWrapper, Set<MethodKey>>();

/**
 * Says what Nest calls around requests and not around events. Without a word a guard would look as if it
 * guarded.
 */
function tellOfEnhancers(method: ProviderMethod): void {
  const { provider, holder, name } = method;
  const names = told.get(provider) ?? new Set();
  told.set(provider, names);
  const enhancers = enhancersOf(holder, name);
  if (names.has(name) || enhancers.length === 0) return;
  names.add(name);
  new Logger('IntegrationModule').warn(
    `${placeOf(method)} has ${enhancers.join(' and ')}, which Nest calls for requests only. Nothing of them is called for its events: take them away, and do in the method what they were to do`,
  );
}

function methodsOf(provider: ProviderWrapper, isDecorated: (method: unknown) => boolean): ProviderMethod[] {
  // An alias (useExisting) leads to an instance that is found under its own token.
  if (provider.isAlias) return [];
  const holder = holderOf(provider);
  if (holder === undefined) return [];
  return decoratedMethods(holder, isDecorated).map((name) => ({ provider, holder, name }));
}

/** Makes the instance for the event, because what discovery found is a shell without dependencies. */
function callerOfNewInstance(
  { token, host }: ProviderWrapper,
  methodName: MethodKey,
  modules: ModuleRef,
): Method {
  // The ModuleRef must be that of the provider's own module, because another module may have a provider with
  // the same token.
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

/** If a class inherits a decorated method from another provider, only that other provider counts. */
function isInheritedFromProvider(method: ProviderMethod, found: readonly ProviderMethod[]): boolean {
  if (Object.hasOwn(method.holder, method.name)) return false;
  const body = method.holder[method.name];
  return found.some((other) => other.holder[other.name] === body && Object.hasOwn(other.holder, other.name));
}

function isMadePerContext(provider: ProviderWrapper): boolean {
  return provider.isTransient || !provider.isDependencyTreeStatic();
}

/**
 * Returns the prototype of a class provider, or that of the instance of a factory or value provider. For an
 * object literal it returns the object itself.
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

/**
 * Returns the keys of an object's decorated methods, its own and inherited ones, including symbols. If a
 * method is overridden, only the overriding one counts. Accessors are skipped, because reading one could do
 * anything.
 */
function decoratedMethods(holder: object, isDecorated: (method: unknown) => boolean): MethodKey[] {
  const found: MethodKey[] = [];
  const seen = new Set<MethodKey>();
  for (
    let owner: object | null = holder;
    owner !== null && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner)
  ) {
    for (const key of Reflect.ownKeys(owner)) {
      if (seen.has(key)) continue;
      seen.add(key);
      const method: unknown = Object.getOwnPropertyDescriptor(owner, key)?.value;
      if (key !== 'constructor' && isDecorated(method)) found.push(key);
    }
  }
  return found;
}
