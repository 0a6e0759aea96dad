import {
  type DynamicModule,
  Inject,
  Injectable,
  type InjectionToken,
  Module,
  type ModuleMetadata,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { refuseScopedEngine } from '../database/clients/client-scope.js';
import { HostClient } from '../database/clients/host-client.js';
import { ENGINE_NAMES, type EngineNames } from '../subscribers/engine-names.js';
import { IntegrationAskedServicesModule } from './asked-services.module.js';
import { hostClientProvider } from './client.provider.js';
import { providersOf, tokenOf } from './engine-tokens.js';
import {
  ENGINE_MODULE,
  ENGINE_NAME,
  Engines,
  engineModule,
  engineModules,
  refuseSecondRegistration,
} from './engines.js';
import { FOUNDATION } from './foundation.providers.js';
import { GIVEN_OPTIONS } from './integration.options.js';
import { IntegrationFirstModule, IntegrationLastModule } from './integration-hooks.module.js';
import { EngineLifecycle } from './lifecycle.js';
import { ENGINE, SERVICES } from './providers.js';

/** Depends on nothing of the host, so that its hook is called even if the engine's hooks are not. */
@Injectable()
class ScopeCheck implements OnModuleInit {
  constructor(
    private readonly modules: ModulesContainer,
    @Inject(ENGINE_NAME) private readonly engine: string,
  ) {}

  onModuleInit(): void {
    refuseScopedEngine(engineModule(this.modules, this.engine), {
      options: GIVEN_OPTIONS,
      client: tokenOf(HostClient, this.engine),
    });
  }
}

/** Token of the life cycle of an engine, with a name or without. */
const LIFECYCLE = Symbol('nestjs-integration:lifecycle');

const NAMES: Provider = {
  provide: ENGINE_NAMES,
  inject: [ENGINE_NAME, ModulesContainer],
  useFactory: (own: string, modules: ModulesContainer): EngineNames => ({
    own,
    all: engineModules(modules).map(({ name }) => name),
  }),
};

export interface EngineModuleSetup {
  readonly name: string;
  /** The modules that provide `clientToken` and what the options' factory injects. */
  readonly imports: ModuleMetadata['imports'] | undefined;
  /** The token of the host's client, if it is known before the options are. */
  readonly clientToken: InjectionToken | undefined;
  /** The providers that make GIVEN_OPTIONS. */
  readonly options: Provider[];
}

/** The engine. It is a module of its own that imports the modules which provide the host's client. */
@Module({})
export class IntegrationEngineModule implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  static readonly [ENGINE_MODULE] = true;

  static register({ name, imports, clientToken, options }: EngineModuleSetup): DynamicModule {
    const own = [
      ScopeCheck,
      NAMES,
      ...FOUNDATION,
      hostClientProvider(clientToken),
      ...ENGINE,
      { provide: LIFECYCLE, useExisting: EngineLifecycle },
    ];
    return {
      module: IntegrationEngineModule,
      imports: [
        DiscoveryModule,
        IntegrationAskedServicesModule,
        IntegrationFirstModule,
        IntegrationLastModule,
        ...(imports ?? []),
      ],
      providers: [{ provide: ENGINE_NAME, useValue: name }, ...options, ...providersOf(name, own)],
      exports: SERVICES.map((service) => tokenOf<unknown>(service, name)),
    };
  }

  constructor(
    modules: ModulesContainer,
    @Inject(ENGINE_NAME) engine: string,
    @Inject(LIFECYCLE) private readonly lifecycle: EngineLifecycle,
    private readonly engines: Engines,
  ) {
    refuseSecondRegistration(modules, engine, IntegrationEngineModule);
    engines.add({
      init: () => lifecycle.beginInit(),
      begin: () => lifecycle.beginDelivery(),
      end: () => lifecycle.endDelivery(),
      stop: async () => {
        await lifecycle.endDelivery();
        await lifecycle.stop();
      },
    });
  }

  onModuleInit(): Promise<void> {
    return this.orAllStop(this.lifecycle.init());
  }

  onApplicationBootstrap(): Promise<void> {
    return this.orAllStop(this.lifecycle.registerConsumers());
  }

  onApplicationShutdown(): Promise<void> {
    return this.lifecycle.stop();
  }

  private async orAllStop(step: Promise<void>): Promise<void> {
    try {
      await step;
    } catch (error) {
      await this.engines.stop().catch(() => {});
      throw error;
    }
  }
}
