// An application with telemetry: publishes in a request, handles the event, and prints all spans as JSON.
// Told by its environment: DATABASE_URL, and SPANS (`on` or `off`).
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { trace } from '@opentelemetry/api';
import {
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationModule,
} from '../../../dist/index.js';

class TracedModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.DATABASE_URL,
      telemetry: { spans: process.env.SPANS === 'on' },
      settings: { pollingIntervalMs: 100, idlePollingIntervalMs: 100 },
    }),
  ],
})(TracedModule);

const app = await NestFactory.createApplicationContext(TracedModule, {
  logger: ['error'],
  abortOnError: false,
});
let done;
const handled = new Promise((resolve) => {
  done = resolve;
});
app.get(EventSubscriberRegistry).registerHandler({
  eventName: 'traced',
  consumerName: 'traced',
  transactional: true,
  startFrom: 'earliest',
  handler: async (_, { transaction }) => {
    await transaction.$queryRawUnsafe('SELECT 1 AS of_the_handler');
    done();
  },
});
await trace.getTracer('application').startActiveSpan('request', async (span) => {
  await app.get(IntegrationDeveloperApiService).publishEvent({
    eventName: 'traced',
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId: '1',
  });
  span.end();
});
await handled;
await app.close();
const spans = globalThis.exporter.getFinishedSpans().map((span) => ({
  id: span.spanContext().spanId,
  parent: span.parentSpanContext?.spanId,
  name: span.name,
  sql: span.attributes['db.statement'] ?? span.attributes['db.query.text'],
}));
console.log(JSON.stringify(spans));
