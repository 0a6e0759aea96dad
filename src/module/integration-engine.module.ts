import {
  type DynamicModule,
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
import { IntegrationError } from '../errors.js';
import { hostClientProvider } from './client.provider.js';
import { FOUNDATION } from './foundation.providers.js';
import { GIVEN_OPTIONS } from './integration.options.js';
import { FirstModule, LastModule, OuterHooks } from './integration-hooks.module.js';
import { EngineLifecycle } from './lifecycle.js';
import { ENGINE, SERVICES } from './providers.js';

/** Depends on nothing of the host, so that its hook is called even if the engine's hooks are not. */
@Injectable()
class ScopeCheck implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {}

  onModuleInit(): void {
    refuseScopedEngine(this.modules, {
      module: IntegrationEngineModule,
      options: GIVEN_OPTIONS,
      client: HostClient,
    });
  }
}

/** Marks the class of this module in every copy of the package. */
const ENGINE_MODULE = Symbol.for('nestjs-integration:engine-module');

export interface EngineModuleSetup {
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

  static register({ imports, clientToken, options }: EngineModuleSetup): DynamicModule {
    return {
      module: IntegrationEngineModule,
      imports: [DiscoveryModule, FirstModule, LastModule, ...(imports ?? [])],
      providers: [
        ScopeCheck,
        ...options,
        ...FOUNDATION,
        hostClientProvider(clientToken, IntegrationEngineModule),
        ...ENGINE,
      ],
      exports: SERVICES,
    };
  }

  constructor(
    modules: ModulesContainer,
    private readonly lifecycle: EngineLifecycle,
    hooks: OuterHooks,
  ) {
    refuseSecondRegistration(modules);
    hooks.init = () => lifecycle.beginInit();
    hooks.begin = () => lifecycle.beginDelivery();
    hooks.end = () => lifecycle.endDelivery();
  }

  onModuleInit(): Promise<void> {
    return this.lifecycle.init();
  }

  onApplicationBootstrap(): Promise<void> {
    return this.lifecycle.registerConsumers();
  }

  onApplicationShutdown(): Promise<void> {
    return this.lifecycle.stop();
  }
}

function refuseSecondRegistration(modules: ModulesContainer): void {
  const registered = [...modules.values()].filter(({ metatype }) => isEngineModule(metatype));
  if (registered.length <= 1) return;
  const areCopies = registered.some(({ metatype }) => metatype !== IntegrationEngineModule);
  const remedy = areCopies
    ? 'once with each of two copies of nestjs-integration that are installed (npm ls nestjs-integration shows where): call it once, in the root module, and let libraries list the package among their peerDependencies'
    : 'call it once, in the root module';
  throw new IntegrationError(
    'INTEGRATION_ALREADY_REGISTERED',
    `IntegrationModule.forRoot was called ${registered.length} times in this application: ${remedy}. It is global, so features inject its services without importing it; with isGlobal: false, import the module that it returned.`,
  );
}

/** Whether a class is the engine's module, in any copy of the package. */
function isEngineModule(metatype: unknown): boolean {
  return typeof metatype === 'function' && ENGINE_MODULE in metatype;
}
