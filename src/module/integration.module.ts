import { type DynamicModule, type ExistingProvider, type InjectionToken, Module } from '@nestjs/common';
import { decoratedClasses } from '../subscribers/decorated-classes.js';
import { DEFAULT_ENGINE, problemsOfEngineName } from '../words/engine-name.js';
import { tokenOf } from './engine-tokens.js';
import { askedTokenOf } from './inject-integration.js';
import type {
  IntegrationModuleAsyncOptions,
  IntegrationModuleOptions,
  IntegrationOptions,
} from './integration.options.js';
import { GIVEN_OPTIONS, invalidOptions, OPTION_NAMES } from './integration.options.js';
import { type EngineModuleSetup, IntegrationEngineModule } from './integration-engine.module.js';
import { madeOptions, problemsOfAsyncOptions } from './made-options.js';
import { SERVICES } from './providers.js';

/**
 * The outbox, the inbox and the engine that runs them. Import it once, in the root module. Its services can
 * then be injected everywhere. An application with several databases imports it once for each, with a `name`.
 *
 * ```ts
 * IntegrationModule.forRoot({ imports: [PrismaModule], clientToken: PrismaService })
 * ```
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class IntegrationModule {
  /**
   * A second call with the same name, or without one, fails the boot with INTEGRATION_ALREADY_REGISTERED.
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID for a wrong name
   */
  static forRoot(options: IntegrationModuleOptions = {}): DynamicModule {
    const { name, imports, isGlobal, ...given } = options;
    return surround(isGlobal, {
      name: checkedName(name),
      imports,
      clientToken: given.clientToken,
      options: [{ provide: GIVEN_OPTIONS, useValue: given }],
    });
  }

  /** Does the same as `forRoot`, with options that a factory or class makes once its dependencies exist. */
  static forRootAsync(options: IntegrationModuleAsyncOptions): DynamicModule {
    checkAsyncOptions(options);
    const { name, imports, isGlobal, clientToken } = options;
    return surround(isGlobal, {
      name: checkedName(name),
      imports,
      clientToken,
      options: madeOptions(GIVEN_OPTIONS, options, (made) => withToken(made, clientToken)),
    });
  }
}

/** The compiler reports an error here if an option is missing. */
const ASYNC_OPTIONS: { readonly [K in keyof Required<IntegrationModuleAsyncOptions>]: true } = {
  name: true,
  imports: true,
  inject: true,
  useFactory: true,
  useClass: true,
  useExisting: true,
  clientToken: true,
  isGlobal: true,
};

/**
 * Checks the options of `forRootAsync` itself.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
function checkAsyncOptions(given: IntegrationModuleAsyncOptions): void {
  const problems = problemsOfAsyncOptions(given, {
    method: 'IntegrationModule.forRootAsync',
    kind: 'an option of forRootAsync',
    own: Object.keys(ASYNC_OPTIONS),
    made: OPTION_NAMES,
  });
  if (problems.length > 0) throw invalidOptions(problems);
}

function surround(isGlobal: boolean | undefined, setup: EngineModuleSetup): DynamicModule {
  decoratedClasses().moduleMade();
  const asked = askedServices(setup.name);
  return {
    module: IntegrationModule,
    global: isGlobal ?? true,
    imports: [IntegrationEngineModule.register(setup)],
    providers: asked,
    exports: [IntegrationEngineModule, ...asked.map(({ provide }) => provide)],
  };
}

/**
 * What `@InjectIntegration` injects. `IntegrationAskedServicesModule` has it too. But it does not see an
 * engine that is not global, nor does it know a class whose file is loaded after the boot.
 */
function askedServices(name: string): ExistingProvider[] {
  if (name === DEFAULT_ENGINE) return [];
  return SERVICES.map((service) => {
    const token = tokenOf<unknown>(service, name);
    return { provide: askedTokenOf(service, token, name), useExisting: token };
  });
}

function checkedName(name: unknown): string {
  if (name === undefined) return DEFAULT_ENGINE;
  const problems = problemsOfEngineName(name);
  if (problems.length > 0) throw invalidOptions(problems);
  return name as string;
}

function withToken(made: IntegrationOptions, clientToken: InjectionToken | undefined): IntegrationOptions {
  // A value that is not an object is refused later, when the options are checked.
  return clientToken === undefined || typeof made !== 'object' || made === null
    ? made
    : { ...made, clientToken };
}
