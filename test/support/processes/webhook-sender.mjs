// A process of its own that sends webhooks, for tests that end or stop it. Told by its environment: DATABASE_URL, KEY (base64), SETTINGS.
// Prints one JSON line when it is ready.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ContractsModule, defineEvent, jsonSchema } from '../../../dist/contracts/index.js';
import { IntegrationModule } from '../../../dist/index.js';
import { SecretsModule, staticKeys } from '../../../dist/secrets/index.js';
import { WebhooksModule } from '../../../dist/webhooks/index.js';

const invoiceCreated = defineEvent({
  name: 'invoice.created',
  schema: jsonSchema({ type: 'object' }),
  visibility: 'public',
  description: 'An invoice was made.',
});

class SenderModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.DATABASE_URL,
      role: 'worker',
      settings: JSON.parse(process.env.SETTINGS ?? '{}'),
    }),
    ContractsModule.forRoot(),
    ContractsModule.forFeature([invoiceCreated]),
    SecretsModule.forRoot({ keys: staticKeys({ k1: Buffer.from(process.env.KEY, 'base64') }) }),
    WebhooksModule.forRoot({ outgoing: { network: { allow: ['127.0.0.1/32'], http: true } } }),
  ],
})(SenderModule);

const app = await NestFactory.createApplicationContext(SenderModule, {
  logger: ['warn', 'error'],
  abortOnError: false,
});
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
process.on('SIGTERM', () => app.close().then(() => process.exit(0)));
