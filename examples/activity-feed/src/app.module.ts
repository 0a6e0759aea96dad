import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { ScheduleModule } from '@nestjs/schedule';
import { IntegrationModule } from 'nestjs-integration';
import { type Environment, validateEnvironment } from './config/environment.js';
import { DeliveriesModule } from './deliveries/deliveries.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { PrismaModule } from './prisma/prisma.module.js';
import { PrismaService } from './prisma/prisma.service.js';
import { StatisticsModule } from './statistics/statistics.module.js';
import { TrackingModule } from './tracking/tracking.module.js';

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, validate: validateEnvironment }),
    ScheduleModule.forRoot(),
    PrismaModule,
    IntegrationModule.forRootAsync({
      imports: [PrismaModule],
      clientToken: PrismaService,
      inject: [ConfigService],
      useFactory: (config: ConfigService<Environment, true>) => ({
        connectionString: config.get('DATABASE_URL'),
        role: config.get('PROCESS_ROLE'),
        // Defaults of this application. INTEGRATION_OUTBOX_MAX_ATTEMPTS in the environment goes before them, and what an
        // admin sets at run time goes before both.
        settings: { maxAttempts: 5 },
      }),
    }),
    // No feature imports another one: they meet in events.ts.
    DeliveriesModule,
    StatisticsModule,
    TrackingModule,
    NotificationsModule,
  ],
})
export class AppModule {}
