import {
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

/** A greater distance than that of every other module, including global ones. */
const FARTHEST = Number.POSITIVE_INFINITY;
/**
 * A smaller distance than that of every other module. Nest gives the root module 1, other modules more, and
 * global ones `Number.MAX_VALUE`.
 */
const NEAREST = -1;

/** Functions that run before or after the same hook of every other module of the application. */
@Injectable()
export class OuterHooks {
  /** Called before any other `onModuleInit`. */
  init: () => void = () => {};
  /** Awaited once every other `onApplicationBootstrap` has returned. */
  begin: () => Promise<void> = async () => {};
  /** Awaited before any other `onModuleDestroy` is called. */
  end: () => Promise<void> = async () => {};
}

/**
 * The module whose `onModuleInit` Nest calls first.
 *
 * Nest 11 and 12 sort all modules by their `distance` from the root module before they call the first hook.
 * The farthest module boots first, and the nearest is destroyed first. Constructors run before the sort, so a
 * distance that a constructor writes takes effect. In a version of Nest that sorts differently, this module
 * has the position that its import gives it.
 */
@Module({ providers: [OuterHooks], exports: [OuterHooks] })
export class FirstModule implements OnModuleInit {
  constructor(
    modules: ModulesContainer,
    private readonly hooks: OuterHooks,
  ) {
    place(FirstModule, FARTHEST, modules);
  }

  onModuleInit(): void {
    this.hooks.init();
  }
}

/** The module whose `onApplicationBootstrap` Nest calls last and whose `onModuleDestroy` it calls first. */
@Module({ imports: [FirstModule] })
export class LastModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    modules: ModulesContainer,
    private readonly hooks: OuterHooks,
  ) {
    place(LastModule, NEAREST, modules);
  }

  onApplicationBootstrap(): Promise<void> {
    return this.hooks.begin();
  }

  onModuleDestroy(): Promise<void> {
    return this.hooks.end();
  }
}

function place(metatype: unknown, distance: number, modules: ModulesContainer): void {
  for (const module of modules.values()) if (module.metatype === metatype) module.distance = distance;
}
