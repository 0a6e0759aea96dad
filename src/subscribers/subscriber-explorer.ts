import { Injectable, type Type } from '@nestjs/common';
import { ContextIdFactory, DiscoveryService, ModuleRef } from '@nestjs/core';
import type { RegisteredHandler } from './consumer.js';
import { decoratedMethods, type MethodKey, type Methods } from './decorated-methods.js';
import { EventSubscriberRegistry } from './event-subscriber-registry.js';
import { subscriberOptionsOf } from './integration-subscriber.decorator.js';

type ProviderWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A decorated method as one provider has it. */
interface DecoratedMethod {
  readonly provider: ProviderWrapper;
  /** What holds its methods: the prototype of its class, or the provider itself where that is an object literal. */
  readonly holder: Methods;
  readonly name: MethodKey;
}

/** Finds the methods that carry `@IntegrationSubscriber` and registers them. */
@Injectable()
export class SubscriberExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly moduleRef: ModuleRef,
    private readonly registry: EventSubscriberRegistry,
  ) {}

  /** Called once the application's providers exist. */
  explore(): void {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    const found = wrappers.flatMap((wrapper) => this.decoratedMethodsOf(wrapper));
    for (const method of found) {
      if (!isInheritedFromProvider(method, found)) this.register(method);
    }
  }

  private decoratedMethodsOf(provider: ProviderWrapper): DecoratedMethod[] {
    // An alias (useExisting) leads to an instance that is found under its own token.
    if (provider.isAlias) return [];
    const holder = holderOf(provider);
    if (holder === undefined) return [];
    return decoratedMethods(holder).map((name) => ({ provider, holder, name }));
  }

  private register(method: DecoratedMethod): void {
    const { provider, holder, name } = method;
    const handler = isMadePerContext(provider)
      ? this.handlerOfNewInstance(provider, name)
      : handlerOfInstance(provider.instance as Methods, name);
    for (const options of subscriberOptionsOf(holder[name])) {
      this.registry.registerAt(placeOf(method), { ...options, handler });
    }
  }

  /** What discovery found is a shell without dependencies: the instance is made for the event. */
  private handlerOfNewInstance({ token, host }: ProviderWrapper, methodName: MethodKey): RegisteredHandler {
    // Of its own module: another one may have a provider of the same token.
    const own = host?.getProviderByKey<ModuleRef>(ModuleRef)?.instance;
    return async (input, context) => {
      const contextId = ContextIdFactory.create();
      this.moduleRef.registerRequestByContextId(input, contextId);
      const instance = await (own ?? this.moduleRef).resolve<Methods>(token as Type<Methods>, contextId, {
        strict: own !== undefined,
      });
      return handlerOfInstance(instance, methodName)(input, context);
    };
  }
}

function handlerOfInstance(instance: Methods, methodName: MethodKey): RegisteredHandler {
  return (input, context) => (instance[methodName] as RegisteredHandler)(input, context);
}

/** A class that inherits a decorated method from another provider leaves it to that one. */
function isInheritedFromProvider(method: DecoratedMethod, found: readonly DecoratedMethod[]): boolean {
  if (Object.hasOwn(method.holder, method.name)) return false;
  const body = method.holder[method.name];
  return found.some((other) => other.holder[other.name] === body && Object.hasOwn(other.holder, other.name));
}

function isMadePerContext(provider: ProviderWrapper): boolean {
  return provider.isTransient || !provider.isDependencyTreeStatic();
}

/** A class provider's own prototype, or that of whatever a factory or value provider holds; an object literal is its own. */
function holderOf(provider: ProviderWrapper): Methods | undefined {
  const instance: unknown = provider.instance;
  if (typeof instance === 'object' && instance !== null) {
    const prototype: unknown = Object.getPrototypeOf(instance);
    return (prototype === Object.prototype || prototype === null ? instance : prototype) as Methods;
  }
  if (provider.isNotMetatype || provider.isFactory) return undefined;
  return (provider.metatype as Type | null)?.prototype as Methods | undefined;
}

function placeOf({ provider, holder, name }: DecoratedMethod): string {
  const type = (holder as { constructor?: { name?: string } }).constructor;
  const isLiteral = type === undefined || type === Object;
  const className = isLiteral ? nameOf(provider.token) : (type.name ?? nameOf(provider.token));
  const moduleName = provider.host?.metatype?.name;
  return `${className}.${String(name)}${moduleName === undefined ? '' : ` (${moduleName})`}`;
}

function nameOf(token: unknown): string {
  return typeof token === 'function' ? token.name : String(token);
}
