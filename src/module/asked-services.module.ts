import { type FactoryProvider, Global, type InjectionToken, Module, Scope } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { hiddenEngine, unknownEngine } from '../subscribers/engine-names.js';
import { engineModules } from './engines.js';

/** A service of an engine that some class of this process injects by name. */
export interface AskedService {
  /** The token that the class injects. */
  readonly asked: InjectionToken;
  /** The token under which that engine provides the service. */
  readonly provided: InjectionToken;
  readonly engine: string;
  /** The service, for messages. */
  readonly service: string;
}

const PROVIDERS: FactoryProvider[] = [];
const EXPORTS: InjectionToken[] = [];

/**
 * Stands between a class that injects a service by the name of its engine, and the engine. If there is no
 * such engine, Nest alone would report an unknown symbol and an index, in whichever class it makes first.
 *
 * Nest reads the lists when an application begins to boot. Decorators have run by then, also those of classes
 * that are not part of this application. So each provider is transient: Nest makes it for somebody who
 * injects it, and for nobody otherwise.
 */
@Global()
@Module({ providers: PROVIDERS, exports: EXPORTS })
export class IntegrationAskedServicesModule {}

/** Called by a decorator, once for each service of an engine. */
export function askFor({ asked, provided, engine, service }: AskedService): void {
  EXPORTS.push(asked);
  PROVIDERS.push({
    provide: asked,
    scope: Scope.TRANSIENT,
    inject: [{ token: provided, optional: true }, ModulesContainer],
    useFactory: (found: unknown, modules: ModulesContainer) => {
      if (found !== undefined && found !== null) return found;
      const names = engineModules(modules).map(({ name }) => name);
      const place = `@InjectIntegration(${service}, '${engine}')`;
      throw names.includes(engine) ? hiddenEngine(place, engine) : unknownEngine(place, engine, names);
    },
  });
}
