import { Injectable, type Type } from '@nestjs/common';
import { ContextIdFactory, DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import type { RegisteredHandler } from './consumer.js';
import { EventSubscriberRegistry } from './event-subscriber-registry.js';
import { subscriberOptionsOf } from './integration-subscriber.decorator.js';

type ProviderWrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Methods = Record<string, RegisteredHandler>;

/** A decorated method as one provider has it. */
interface DecoratedMethod {
  readonly provider: ProviderWrapper;
  readonly prototype: Methods;
  readonly name: string;
}

/** Finds the methods that carry `@IntegrationSubscriber` and registers them. */
@Injectable()
export class SubscriberExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
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
    const prototype = prototypeOf(provider);
    if (prototype === undefined) return [];
    return this.scanner
      .getAllMethodNames(prototype)
      .filter((name) => subscriberOptionsOf(prototype[name]).length > 0)
      .map((name) => ({ provider, prototype, name }));
  }

  private register(method: DecoratedMethod): void {
    const { provider, prototype, name } = method;
    const handler = isMadePerContext(provider)
      ? this.handlerOfNewInstance(provider, name)
      : handlerOfInstance(provider.instance as Methods, name);
    for (const options of subscriberOptionsOf(prototype[name])) {
      this.registry.registerAt(placeOf(method), { ...options, handler });
    }
  }

  /** What discovery found is a shell without dependencies: the instance is made for the event. */
  private handlerOfNewInstance({ token, host }: ProviderWrapper, methodName: string): RegisteredHandler {
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

function handlerOfInstance(instance: Methods, methodName: string): RegisteredHandler {
  return (input, context) => (instance[methodName] as RegisteredHandler)(input, context);
}

/** A class that inherits a decorated method from another provider leaves it to that one. */
function isInheritedFromProvider(method: DecoratedMethod, found: readonly DecoratedMethod[]): boolean {
  if (Object.hasOwn(method.prototype, method.name)) return false;
  const body = method.prototype[method.name];
  return found.some(
    (other) => other.prototype[other.name] === body && Object.hasOwn(other.prototype, other.name),
  );
}

function isMadePerContext(provider: ProviderWrapper): boolean {
  return provider.isTransient || !provider.isDependencyTreeStatic();
}

/** A class provider's own prototype, or that of whatever a factory or value provider holds. */
function prototypeOf(provider: ProviderWrapper): Methods | undefined {
  const instance: unknown = provider.instance;
  if (typeof instance === 'object' && instance !== null) return Object.getPrototypeOf(instance) ?? undefined;
  if (provider.isNotMetatype || provider.isFactory) return undefined;
  return (provider.metatype as Type | null)?.prototype as Methods | undefined;
}

function placeOf({ provider, prototype, name }: DecoratedMethod): string {
  const className = (prototype.constructor as { name?: string } | undefined)?.name ?? String(provider.name);
  const moduleName = provider.host?.metatype?.name;
  return `${className}.${name}${moduleName === undefined ? '' : ` (${moduleName})`}`;
}
