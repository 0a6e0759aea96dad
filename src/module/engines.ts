import { Injectable } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { IntegrationError } from '../errors.js';
import { DEFAULT_ENGINE } from '../words/engine-name.js';

export type NestModule = ModulesContainer extends Map<string, infer M> ? M : never;

/** Token of the name of an engine. It is the same in every copy of the package. */
export const ENGINE_NAME = Symbol.for('nestjs-integration:engine-name');

/** Marks the class of the engine's module in every copy of the package. */
export const ENGINE_MODULE = Symbol.for('nestjs-integration:engine-module');

/** What an engine does before or after the same hook of every other module of the application. */
export interface OuterHooks {
  /** Called before any other `onModuleInit`. */
  init(): void;
  /** Awaited once every other `onApplicationBootstrap` has returned. */
  begin(): Promise<void>;
  /** Awaited before any other `onModuleDestroy` is called. */
  end(): Promise<void>;
  /** Gives everything back: the boot has failed. */
  stop(): Promise<void>;
}

/** Where an engine's tables are, and whether it runs consumers on them. */
export interface EnginePlace {
  readonly engine: string;
  /** The same text for the same schema of the same database. */
  readonly key: string;
  /** What it is called in messages. */
  readonly words: string;
  readonly isPublisher: boolean;
}

/** The engines of one application. */
@Injectable()
export class Engines {
  private readonly hooks = new Set<OuterHooks>();
  private readonly places: EnginePlace[] = [];

  /** Whether the application has more than one. */
  get areSeveral(): boolean {
    return this.hooks.size > 1;
  }

  add(hooks: OuterHooks): void {
    this.hooks.add(hooks);
  }

  init(): void {
    for (const hooks of this.hooks) hooks.init();
  }

  begin(): Promise<void> {
    return this.all((hooks) => hooks.begin());
  }

  /** All of them end beside each other, because each may wait as long as its own handlers take. */
  end(): Promise<void> {
    return this.all((hooks) => hooks.end());
  }

  /** One engine could not boot, so the application does not. The others give back what they hold. */
  stop(): Promise<void> {
    return this.all((hooks) => hooks.stop());
  }

  /**
   * Refuses a second engine that would run consumers on the tables of another one: they would take turns in
   * owning each consumer, and nobody means that. Further engines that only publish are well there: each
   * brings another client.
   *
   * @throws IntegrationError INTEGRATION_ALREADY_REGISTERED
   */
  claim(claimed: EnginePlace): void {
    const other = this.places.find(
      ({ engine, key, isPublisher }) =>
        engine !== claimed.engine && key === claimed.key && !isPublisher && !claimed.isPublisher,
    );
    if (other !== undefined) throw sameTables(other.engine, claimed);
    this.places.push(claimed);
  }

  /** Waits for all of them, also if one fails. */
  private async all(work: (hooks: OuterHooks) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled([...this.hooks].map(async (hooks) => work(hooks)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}

/** The engines' modules of an application, in the order in which they were imported, with their names. */
export function engineModules(
  modules: ModulesContainer,
): readonly { readonly name: string; readonly module: NestModule }[] {
  return [...modules.values()]
    .filter(({ metatype }) => typeof metatype === 'function' && ENGINE_MODULE in metatype)
    .map((module) => ({ module, name: nameOf(module) }));
}

/** A copy of the package from before there were names provides none. */
function nameOf(module: NestModule): string {
  return (module.providers.get(ENGINE_NAME)?.instance as string | undefined) ?? DEFAULT_ENGINE;
}

export function engineModule(modules: ModulesContainer, engine: string): NestModule | undefined {
  return engineModules(modules).find(({ name }) => name === engine)?.module;
}

/**
 * Refuses two engines of one name, and engines of two copies of the package.
 *
 * @throws IntegrationError INTEGRATION_ALREADY_REGISTERED
 */
export function refuseSecondRegistration(modules: ModulesContainer, engine: string, own: unknown): void {
  const all = engineModules(modules);
  const areCopies = all.some(({ module }) => module.metatype !== own);
  const registered = areCopies ? all : all.filter(({ name }) => name === engine);
  if (registered.length <= 1) return;
  const remedy = areCopies
    ? 'once with each of two copies of nestjs-integration that are installed (npm ls nestjs-integration shows where): call it once, in the root module, and let libraries list the package among their peerDependencies'
    : "call it once, in the root module; for another database give each call a name of its own, such as name: 'billing'";
  const which = engine === DEFAULT_ENGINE || areCopies ? '' : ` with the name "${engine}"`;
  throw new IntegrationError(
    'INTEGRATION_ALREADY_REGISTERED',
    `IntegrationModule.forRoot was called ${registered.length} times${which} in this application: ${remedy}. It is global, so features inject its services without importing it; with isGlobal: false, import the module that it returned`,
    { names: all.map(({ name }) => name) },
  );
}

function sameTables(other: string, { engine, words }: EnginePlace): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_ALREADY_REGISTERED',
    `The integrations "${other}" and "${engine}" lead to the same tables (${words}), and both run consumers there. Give one of them another database or another schema. If it is there to publish with a client of its own, give it role: 'publisher'`,
    { integrations: [other, engine] },
  );
}
