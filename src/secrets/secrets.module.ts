import {
  type DynamicModule,
  type FactoryProvider,
  type InjectionToken,
  Module,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AdminDatabase } from '../database/admin-database.js';
import { EngineDatabase } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';
import { engineOf } from '../module/engine-of.js';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { KeyRotation } from './key-rotation.js';
import { SecretService } from './secret.service.js';
import { keysOfEnvironment, type SecretKeys } from './secret-keys.js';
import { SecretLook } from './secret-look.js';
import { SecretParts } from './secret-parts.js';
import { secretsExtension } from './secrets-extension.js';

/** The stores over the connections of admins, for what people change and look at. */
const PARTS_OF_ADMINS = Symbol('nestjs-integration:secret-parts-of-admins');

export interface SecretsModuleOptions {
  /**
   * The default is the keys of the environment variable INTEGRATION_KEYS, which is read when the application
   * starts.
   */
  readonly keys?: SecretKeys | undefined;
}

/**
 * Secrets that are sealed in the database. Import it once, beside `IntegrationModule`.
 *
 * ```ts
 * SecretsModule.forRoot({ keys: staticKeys({ k2026: process.env.SECRET_KEY! }) })
 * ```
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class SecretsModule {
  /**
   * The boot fails with INTEGRATION_KEY_MISSING if there is no key.
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
   */
  static forRoot(options: SecretsModuleOptions = {}): DynamicModule {
    checkOptions(options);
    let known = options.keys;
    const keys = (): SecretKeys => {
      known ??= keysOfEnvironment();
      return known;
    };
    // Each application has its keys, and its doctor has to use them.
    @Module({})
    class SecretsOfApplication implements OnModuleInit {
      static readonly [BROUGHT_EXTENSION] = secretsExtension(keys);

      constructor(private readonly modules: ModuleRef) {}

      /** Fails the boot of an application without keys, and not its first secret. */
      onModuleInit(): Promise<void> {
        return engineOf(this.modules, 'SecretsModule').boot(() => {
          keys();
        });
      }
    }
    return {
      module: SecretsOfApplication,
      global: true,
      providers: [
        partsOver(EngineDatabase, SecretParts, keys),
        partsOver(AdminDatabase, PARTS_OF_ADMINS, keys),
        {
          provide: SecretService,
          inject: [SecretParts],
          useFactory: (parts: SecretParts) => new SecretService(parts),
        },
        ...[KeyRotation, SecretLook].map((type) => ({
          provide: type,
          inject: [PARTS_OF_ADMINS],
          useFactory: (parts: SecretParts) => new type(parts),
        })),
      ],
      exports: [SecretService, KeyRotation, SecretLook],
    };
  }
}

/** The stores of secrets over these connections of the engine. */
function partsOver(
  connections: Type<EngineDatabase>,
  provide: InjectionToken,
  keys: () => SecretKeys,
): FactoryProvider<SecretParts> {
  return {
    provide,
    inject: [ModuleRef],
    useFactory: (modules: ModuleRef) =>
      new SecretParts(() => engineOf(modules, 'SecretsModule').get(connections), keys),
  };
}

function checkOptions(options: SecretsModuleOptions): void {
  const { keys } = options;
  const problems = [
    ...problemsOfUnknownNames(options, { known: ['keys'], kind: 'an option of SecretsModule.forRoot' }),
    ...(keys === undefined || areKeys(keys)
      ? []
      : ['keys must be what staticKeys() returns, or an object with current, wrap and unwrap']),
  ];
  if (problems.length === 0) return;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `SecretsModule cannot be made: ${problems.join('; ')}`,
    { problems },
  );
}

function areKeys(keys: unknown): boolean {
  const { wrap, unwrap } = Object(keys) as { readonly [K in keyof SecretKeys]?: unknown };
  return 'current' in Object(keys) && typeof wrap === 'function' && typeof unwrap === 'function';
}
