import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BillingModule, BillingSubscriber } from '@starter/billing';
import { OrdersModule, OrdersService } from '@starter/orders';
import { IntegrationModule } from 'nestjs-integration';

@Module({ imports: [IntegrationModule.forRoot(), OrdersModule, BillingModule] })
class AppModule {}

async function bootstrap(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  const outboxEventId = await app.get(OrdersService).place('Ada');
  const payload = await app.get(BillingSubscriber).billed;
  console.log(JSON.stringify({ outboxEventId, payload }));
  await app.close();
}

bootstrap().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
