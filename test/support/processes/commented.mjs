// An application whose statements a tracer changes (comments.cjs): publishes in every way, handles what was published, and prints as JSON
// what came of it. Told by its environment: DATABASE_URL, whose database has a table `effect`.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { trace } from '@opentelemetry/api';
import pg from 'pg';
import {
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationModule,
  OutboxProcessor,
  PgSqlClient,
} from '../../../dist/index.js';

const handled = [];

class Subscribers {
  constructor(registry) {
    this.registry = registry;
  }

  onModuleInit() {
    this.registry.registerHandler({
      eventName: 'traced',
      consumerName: 'plain',
      startFrom: 'earliest',
      handler: async (event) => void handled.push(event.aggregateId),
    });
    this.registry.registerHandler({
      eventName: 'traced',
      consumerName: 'transactional',
      transactional: true,
      startFrom: 'earliest',
      handler: (event, { transaction }) =>
        transaction.$executeRawUnsafe(
          'INSERT INTO effect (consumer, event_id) VALUES ($1, $2)',
          'transactional',
          event.aggregateId,
        ),
    });
  }
}

class CommentedModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.DATABASE_URL,
      settings: { 'processor.enabled': false },
    }),
  ],
  providers: [
    {
      provide: Subscribers,
      inject: [EventSubscriberRegistry],
      useFactory: (registry) => new Subscribers(registry),
    },
  ],
})(CommentedModule);

const app = await NestFactory.createApplicationContext(CommentedModule, {
  logger: ['error'],
  abortOnError: false,
});
const api = app.get(IntegrationDeveloperApiService);
const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
await app.get(OutboxProcessor).drain();

const event = (aggregateId) => ({
  eventName: 'traced',
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
  payload: { text: "it's /* a */ -- payload $1" },
});

let seen;
await trace.getTracer('test').startActiveSpan('request', async (span) => {
  await api.publishEvent(event('alone'));
  await api.publishEvents([event('list')]);
  await api.transaction((tx) => api.publishEvent(event('facade'), { persistenceClient: tx }));
  await client.query('BEGIN');
  await api.publishEvent(event('pg'), { persistenceClient: new PgSqlClient(client) });
  await api.publishEvent(
    { ...event('keyed'), deduplicationKey: 'key' },
    { persistenceClient: new PgSqlClient(client) },
  );
  await client.query('COMMIT');
  seen = (await client.query({ text: 'SELECT current_query() AS text' })).rows[0].text;
  span.end();
});
await app.get(OutboxProcessor).drain();
const { rows } = await client.query('SELECT event_id FROM effect ORDER BY event_id');
await client.end();
await app.close();
console.log(
  JSON.stringify({
    handled: handled.sort(),
    effects: rows.map((row) => row.event_id),
    isCommented: seen.includes('traceparent'),
  }),
);
