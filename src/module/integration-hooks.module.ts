import { Module, type OnApplicationBootstrap, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Engines } from './engines.js';
import { ShutdownHooksCheck } from './shutdown-hooks-check.js';

/** A greater distance than that of every other module, including global ones. */
const FARTHEST = Number.POSITIVE_INFINITY;
/**
 * A smaller distance than that of every other module. Nest gives the root module 1, other modules more, and
 * global ones `Number.MAX_VALUE`.
 */
const NEAREST = -1;

/**
 * The module whose `onModuleInit` Nest calls first. It provides what all engines of an application share.
 *
 * Nest 11 and 12 sort all modules by their `distance` from the root module before they call the first hook.
 * The farthest module boots first, and the nearest is destroyed first. Constructors run before the sort, so a
 * distance that a constructor writes takes effect. In a version of Nest that sorts differently, this module
 * has the position that its import gives it.
 */
@Module({
  providers: [Engines, { provide: ShutdownHooksCheck, useFactory: () => new ShutdownHooksCheck() }],
  exports: [Engines, ShutdownHooksCheck],
})
export class IntegrationFirstModule implements OnModuleInit {
  constructor(
    modules: ModulesContainer,
    private readonly engines: Engines,
  ) {
    place(IntegrationFirstModule, FARTHEST, modules);
  }

  onModuleInit(): void {
    this.engines.init();
  }
}

/** The module whose `onApplicationBootstrap` Nest calls last and whose `onModuleDestroy` it calls first. */
@Module({ imports: [IntegrationFirstModule] })
export class IntegrationLastModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    modules: ModulesContainer,
    private readonly engines: Engines,
  ) {
    place(IntegrationLastModule, NEAREST, modules);
  }

  onApplicationBootstrap(): Promise<void> {
    return this.engines.begin();
  }

  onModuleDestroy(): Promise<void> {
    return this.engines.end();
  }
}

function place(metatype: unknown, distance: number, modules: ModulesContainer): void {
  for (const module of modules.values()) if (module.metatype === metatype) module.distance = distance;
}
