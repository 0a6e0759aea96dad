import { type DynamicModule, Module } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { EngineDatabase } from '../database/engine-database.js';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { KeyRotation } from './key-rotation.js';
import { SecretService } from './secret.service.js';
import { keysOfEnvironment, type SecretKeys } from './secret-keys.js';
import { SecretParts } from './secret-parts.js';
import { secretsExtension } from './secrets-extension.js';

export interface SecretsModuleOptions {
  /**
   * The default is the keys of the environment variable INTEGRATION_KEYS, which is read when it is needed.
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
  static forRoot({ keys: given }: SecretsModuleOptions = {}): DynamicModule {
    let known = given;
    const keys = (): SecretKeys => {
      known ??= keysOfEnvironment();
      return known;
    };
    // Each application has its keys, and its doctor has to use them.
    @Module({})
    class SecretsOfApplication {
      static readonly [BROUGHT_EXTENSION] = secretsExtension(keys);
    }
    return {
      module: SecretsOfApplication,
      global: true,
      providers: [
        {
          provide: SecretParts,
          inject: [ModuleRef],
          useFactory: (modules: ModuleRef) =>
            new SecretParts(() => modules.get(EngineDatabase, { strict: false }), keys),
        },
        ...[SecretService, KeyRotation].map((type) => ({
          provide: type,
          inject: [SecretParts],
          useFactory: (parts: SecretParts) => new type(parts),
        })),
      ],
      exports: [SecretService, KeyRotation],
    };
  }
}
