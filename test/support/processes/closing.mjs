// An application that handles one event, closes, and does nothing else: whether the process then ends is what a test asks. Told
// by its environment: DATABASE_URL, and HANG if its handler is never to return. Prints a line when it handles and when it has closed.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationModule,
} from '../../../dist/index.js';

class ClosingModule {}
Module({
  imports: [
    IntegrationModule.forRoot({ connectionString: process.env.DATABASE_URL, shutdownTimeoutMs: 300 }),
  ],
})(ClosingModule);

const app = await NestFactory.createApplicationContext(ClosingModule, { logger: ['error'] });
const handled = new Promise((resolve) => {
  app.get(EventSubscriberRegistry).registerHandler({
    eventName: 'closing',
    consumerName: 'closing',
    handler: () => {
      console.log('handling');
      resolve();
      return process.env.HANG ? new Promise(() => {}) : Promise.resolve();
    },
  });
});
await app.get(IntegrationDeveloperApiService).publishEvent({
  eventName: 'closing',
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId: 'a',
});
await handled;
await app.close();
console.log('closed');
