import { Injectable } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { decoratedClasses } from './decorated-classes.js';
import { EventSubscriberRegistry } from './event-subscriber-registry.js';
import { subscriberOptionsOf } from './integration-subscriber.decorator.js';
import { callerOf, placeOf, providerMethods, providerPrototypes } from './provider-methods.js';

/** Finds the methods that have `@IntegrationSubscriber`, and registers them. */
@Injectable()
export class SubscriberExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly moduleRef: ModuleRef,
    private readonly registry: EventSubscriberRegistry,
  ) {}

  /** Called once, when the application's providers exist. */
  explore(): void {
    decoratedClasses().explored(providerPrototypes(this.discovery));
    for (const method of providerMethods(this.discovery, isSubscriber)) {
      const handler = callerOf(method, this.moduleRef);
      for (const options of subscriberOptionsOf(method.holder[method.name])) {
        this.registry.registerAt(placeOf(method), { ...options, handler });
      }
    }
  }
}

function isSubscriber(method: unknown): boolean {
  return subscriberOptionsOf(method).length > 0;
}
