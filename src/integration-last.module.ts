import { Injectable, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

/** Nearer than every other module: Nest gives the root module 1, the others more, and global ones `Number.MAX_VALUE`. */
const NEAREST = -1;

/** What happens after, or before, the same hook of every other module of the application. */
@Injectable()
export class LastHooks {
  /** Awaited once every other `onApplicationBootstrap` has returned. */
  begin: () => Promise<void> = async () => {};
  /** Awaited before any other `onModuleDestroy` is called. */
  end: () => Promise<void> = async () => {};
}

/**
 * The module whose `onApplicationBootstrap` Nest calls last and whose `onModuleDestroy` it calls first.
 *
 * Nest 11 and 12 sort all modules by their `distance` from the root module before they call the first hook: the farthest
 * boots first, the nearest is destroyed first. Constructors run before that, so the distance that one writes counts. Where
 * another version of Nest sorts otherwise, this module has the place that its import gives it.
 */
@Module({ providers: [LastHooks], exports: [LastHooks] })
export class LastModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    modules: ModulesContainer,
    private readonly hooks: LastHooks,
  ) {
    for (const module of modules.values()) if (module.metatype === LastModule) module.distance = NEAREST;
  }

  onApplicationBootstrap(): Promise<void> {
    return this.hooks.begin();
  }

  onModuleDestroy(): Promise<void> {
    return this.hooks.end();
  }
}
