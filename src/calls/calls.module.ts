import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CALL_MAKER } from '../module/call-maker.js';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { CallsEngine } from './calls-engine.js';
import { callsExtension } from './calls-extension.js';
import { CALLS_OPTIONS, type CallsModuleOptions, checkCallsOptions } from './calls-options.js';
import { CallsStart } from './calls-start.js';
import { ExternalCallsService } from './external-calls.service.js';

/**
 * Calls to other systems that take seconds or days. Import it once, beside `IntegrationModule`. It finds the
 * classes with `@ExternalCallType` among the providers of the application.
 *
 * The boot fails with INTEGRATION_CALL_INVALID and every problem of every type (`details.problems`).
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class CallsModule {
  static readonly [BROUGHT_EXTENSION] = callsExtension;

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
  static forRoot(options: CallsModuleOptions = {}): DynamicModule {
    checkCallsOptions(options);
    return {
      module: CallsModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [
        { provide: CALLS_OPTIONS, useValue: options },
        CallsEngine,
        CallsStart,
        ExternalCallsService,
        { provide: CALL_MAKER, useExisting: ExternalCallsService },
      ],
      exports: [ExternalCallsService],
    };
  }
}
