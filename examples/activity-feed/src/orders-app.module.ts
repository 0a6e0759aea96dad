import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { IntegrationModule } from 'nestjs-integration';
import { CallsModule } from 'nestjs-integration/calls';
import { SagasModule } from 'nestjs-integration/sagas';
import { type Environment, validateEnvironment } from './config/environment.js';
import { networkRules } from './config/network-rules.js';
import { OrdersModule } from './orders/orders.module.js';
import { PrismaModule } from './prisma/prisma.module.js';
import { PrismaService } from './prisma/prisma.service.js';

/** A second application on the same database and the same log: it sells the activity of a year on paper. */
@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, validate: validateEnvironment }),
    PrismaModule,
    IntegrationModule.forRootAsync({
      imports: [PrismaModule],
      clientToken: PrismaService,
      inject: [ConfigService],
      useFactory: (config: ConfigService<Environment, true>) => ({
        connectionString: config.get('DATABASE_URL'),
      }),
    }),
    CallsModule.forRoot({ network: networkRules() }),
    SagasModule.forRoot(),
    OrdersModule,
  ],
})
export class OrdersAppModule {}
