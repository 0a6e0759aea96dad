import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { IntegrationError } from '../errors.js';
import { DEFAULT_ENGINE } from '../words/engine-name.js';
import { decoratedClasses } from './decorated-classes.js';
import { ENGINE_NAMES, type EngineNames, unknownEngine } from './engine-names.js';
import { EventSubscriberRegistry } from './event-subscriber-registry.js';
import { subscriberOptionsOf } from './integration-subscriber.decorator.js';
import { callerOf, placeOf, providerMethods, providerPrototypes } from './provider-methods.js';

/** Finds the methods that have `@IntegrationSubscriber` for this engine, and registers them. */
@Injectable()
export class SubscriberExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly moduleRef: ModuleRef,
    private readonly registry: EventSubscriberRegistry,
    @Inject(ENGINE_NAMES) private readonly engines: EngineNames,
  ) {}

  /** Called once, when the application's providers exist. */
  explore(): void {
    decoratedClasses().explored(providerPrototypes(this.discovery));
    for (const method of providerMethods(this.discovery, isSubscriber)) {
      const handler = callerOf(method, this.moduleRef);
      const place = placeOf(method);
      for (const { integration, ...options } of subscriberOptionsOf(method.holder[method.name])) {
        if (this.isOurs(enginesOf(integration, place), place))
          this.registry.registerAt(place, { ...options, handler });
      }
    }
  }

  /** @throws IntegrationError INTEGRATION_NAME_UNKNOWN, also if another engine is meant */
  private isOurs(names: readonly string[], place: string): boolean {
    const { own, all } = this.engines;
    const unknown = names.find((name) => !all.includes(name));
    if (unknown !== undefined) throw unknownEngine(place, unknown, all);
    return names.includes(own);
  }
}

/** The engines that a decorator names; without a word the one that has no name. */
function enginesOf(integration: unknown, place: string): readonly string[] {
  if (integration === undefined) return [DEFAULT_ENGINE];
  const names: readonly unknown[] = Array.isArray(integration) ? integration : [integration];
  if (names.length > 0 && names.every((name) => typeof name === 'string')) return names;
  throw new IntegrationError(
    'INTEGRATION_SUBSCRIBER_INVALID',
    `The subscriber registered at ${place} is invalid: integration must be the name of an integration, or a list of names that is not empty`,
    { place },
  );
}

function isSubscriber(method: unknown): boolean {
  return subscriberOptionsOf(method).length > 0;
}
