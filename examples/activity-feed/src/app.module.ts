import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { ScheduleModule } from '@nestjs/schedule';
import { IntegrationModule } from 'nestjs-integration';
import { ContractsModule } from 'nestjs-integration/contracts';
import { SchedulesModule } from 'nestjs-integration/schedules';
import { SecretsModule } from 'nestjs-integration/secrets';
import { githubSource, WebhooksModule } from 'nestjs-integration/webhooks';
import { type Environment, validateEnvironment } from './config/environment.js';
import { networkRules } from './config/network-rules.js';
import { DeliveriesModule } from './deliveries/deliveries.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { PrismaModule } from './prisma/prisma.module.js';
import { PrismaService } from './prisma/prisma.service.js';
import { StatisticsModule } from './statistics/statistics.module.js';
import { StreamingModule } from './streaming/streaming.module.js';
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
    ContractsModule.forRoot(),
    SchedulesModule.forRoot(),
    // Reads INTEGRATION_KEYS: secrets of destinations are kept sealed.
    SecretsModule.forRoot(),
    // POST /webhooks/github verifies a delivery and publishes it as webhook.github.<event>.<action>. Events with a
    // public contract (events.ts) go out to the destinations that WebhookDestinationsService knows.
    WebhooksModule.forRoot({
      incoming: { sources: [githubSource({ secrets: githubSecrets() })] },
      outgoing: { network: networkRules() },
    }),
    // Relays activities to NATS, if there is NATS_URL.
    StreamingModule.forRoot(),
    // No feature imports another one: they meet in events.ts.
    DeliveriesModule,
    StatisticsModule,
    TrackingModule,
    NotificationsModule,
  ],
})
export class AppModule {}

/** A module's sources are known when its class is, which is before there is a ConfigService. */
function githubSecrets(): string[] {
  return validateEnvironment(process.env).GITHUB_WEBHOOK_SECRET.split(',');
}
