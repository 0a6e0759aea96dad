import { type DynamicModule, type FactoryProvider, Module, type Provider } from '@nestjs/common';
import type {
  IntegrationModuleAsyncOptions,
  IntegrationModuleOptions,
  IntegrationOptions,
  IntegrationOptionsFactory,
} from './integration.options.js';
import { GIVEN_OPTIONS } from './integration.options.js';
import { type EngineModuleSetup, IntegrationEngineModule } from './integration-engine.module.js';

/**
 * The outbox, the inbox and what runs them. Imported once, in the root module; its services can then be injected
 * everywhere.
 *
 * ```ts
 * IntegrationModule.forRoot({ imports: [PrismaModule], clientToken: PrismaService })
 * ```
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class IntegrationModule {
  /** A second call in one application fails its boot with INTEGRATION_ALREADY_REGISTERED. */
  static forRoot(options: IntegrationModuleOptions = {}): DynamicModule {
    const { imports, isGlobal, ...given } = options;
    return surround(isGlobal, {
      imports,
      clientToken: given.clientToken,
      options: [{ provide: GIVEN_OPTIONS, useValue: given }],
    });
  }

  /** As `forRoot`, with options that are made by a factory or a class once what it injects exists. */
  static forRootAsync(options: IntegrationModuleAsyncOptions): DynamicModule {
    const { imports, isGlobal, clientToken } = options;
    return surround(isGlobal, { imports, clientToken, options: factoryProviders(options) });
  }
}

function surround(isGlobal: boolean | undefined, setup: EngineModuleSetup): DynamicModule {
  return {
    module: IntegrationModule,
    global: isGlobal ?? true,
    imports: [IntegrationEngineModule.register(setup)],
    exports: [IntegrationEngineModule],
  };
}

function factoryProviders(options: IntegrationModuleAsyncOptions): Provider[] {
  const { useFactory, useClass, useExisting, inject = [], clientToken } = options;
  const withToken = async (making: IntegrationOptions | Promise<IntegrationOptions>) => {
    const given = await making;
    // What is no object is refused as such, by those who check the options.
    return clientToken === undefined || typeof given !== 'object' || given === null
      ? given
      : { ...given, clientToken };
  };
  if (useFactory !== undefined) {
    const factory = useFactory as (...args: unknown[]) => IntegrationOptions | Promise<IntegrationOptions>;
    return [
      {
        provide: GIVEN_OPTIONS,
        inject: [...inject] as NonNullable<FactoryProvider['inject']>,
        useFactory: (...args: unknown[]) => withToken(factory(...args)),
      },
    ];
  }
  const factoryClass = useExisting ?? useClass;
  if (factoryClass === undefined) {
    throw new TypeError('IntegrationModule.forRootAsync needs one of useFactory, useClass and useExisting');
  }
  return [
    ...(useExisting === undefined ? [factoryClass] : []),
    {
      provide: GIVEN_OPTIONS,
      inject: [factoryClass],
      useFactory: (factory: IntegrationOptionsFactory) => withToken(factory.create()),
    },
  ];
}
