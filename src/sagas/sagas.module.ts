import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { SagasService } from './sagas.service.js';
import { sagasExtension } from './sagas-extension.js';
import { SagasStart } from './sagas-start.js';

/**
 * Sagas: what happens over hours or days between several events, with a state of its own. Import it once,
 * beside `IntegrationModule`. It finds the classes with `@Saga` among the providers of the application.
 *
 * The boot fails with INTEGRATION_SAGA_INVALID and every problem of every saga (`details.problems`).
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class SagasModule {
  static readonly [BROUGHT_EXTENSION] = sagasExtension;

  static forRoot(): DynamicModule {
    return {
      module: SagasModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [SagasStart, SagasService],
      exports: [SagasService],
    };
  }
}
