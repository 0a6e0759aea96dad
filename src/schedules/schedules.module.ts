import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { SchedulesService } from './schedules.service.js';
import { SchedulesEngine } from './schedules-engine.js';
import { schedulesExtension } from './schedules-extension.js';
import { SchedulesStart } from './schedules-start.js';

/**
 * Schedules: work at its time, once, in one of all processes. Import it once, beside `IntegrationModule`. It
 * finds the methods with `@IntegrationSchedule` among the providers of the application.
 *
 * The boot fails with INTEGRATION_SCHEDULE_INVALID and every problem of every schedule (`details.problems`),
 * and with INTEGRATION_PEER_MISSING if croner is not installed.
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class SchedulesModule {
  static readonly [BROUGHT_EXTENSION] = schedulesExtension;

  static forRoot(): DynamicModule {
    return {
      module: SchedulesModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [SchedulesEngine, SchedulesStart, SchedulesService],
      exports: [SchedulesService],
    };
  }
}
