// A worker process of its own, for tests that end processes. Told by its environment: DATABASE_URL, and CONSUMERS, a JSON list
// of subscriber options. What a handler does is told by the event's payload: { exit } ends the process, { putOff } puts the event off the first time in a process, { block } blocks the
// event loop for good, { failOnce } makes the event a dead letter the first time, { writeAndWait } writes and then waits for good, { blockUntil } until a file of that name is there. With SIGNALS=nobody it listens for no signal.
// Prints one JSON line for everything that happens, and one for each batch.
import { existsSync } from 'node:fs';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  EventSubscriberRegistry,
  IntegrationModule,
  NonRetryableError,
  PostponeError,
} from '../../../dist/index.js';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const putOff = new Set();
const failed = new Set();

async function handle(consumer, event, context) {
  say({ handling: event.payload.n, consumer, attempt: context.attempt });
  if (event.payload.putOff === true && !putOff.has(event.outboxEventId)) {
    putOff.add(event.outboxEventId);
    throw new PostponeError(50, 'the first time');
  }
  if (event.payload.failOnce === true && !failed.has(event.outboxEventId)) {
    failed.add(event.outboxEventId);
    throw new NonRetryableError('the first time');
  }
  if (event.payload.exit === true) process.exit(9);
  const { block, blockUntil } = event.payload;
  while (block === true || (blockUntil !== undefined && !existsSync(blockUntil))) {}
  if (consumer.startsWith('transactional')) {
    await context.transaction.$executeRawUnsafe(
      'INSERT INTO effect (consumer, event_id, note) VALUES ($1, $2, $3)',
      consumer,
      event.outboxEventId,
      String(event.payload.n),
    );
  }
  if (event.payload.writeAndWait === true) {
    say({ waiting: event.payload.n });
    await new Promise(() => {});
  }
  say({ handled: event.payload.n, consumer });
}

class Subscribers {
  constructor(registry) {
    this.registry = registry;
  }

  onModuleInit() {
    for (const options of JSON.parse(process.env.CONSUMERS)) {
      this.registry.registerHandler({
        ...options,
        handler: options.batch
          ? async (events, context) => {
              say({ batch: events.map(({ payload }) => payload.n), consumer: options.consumerName });
              for (const event of events) await handle(options.consumerName, event, context);
            }
          : (event, context) => handle(options.consumerName, event, context),
      });
    }
  }
}

class WorkerModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.DATABASE_URL,
      role: 'worker',
      ...JSON.parse(process.env.OPTIONS ?? '{}'),
      settings: {
        processingLeaseMs: 1_000,
        retryBaseDelayMs: 100,
        retryMaxDelayMs: 200,
        pollingIntervalMs: 200,
        idlePollingIntervalMs: 400,
        ...JSON.parse(process.env.SETTINGS ?? '{}'),
      },
    }),
  ],
  providers: [
    {
      provide: Subscribers,
      inject: [EventSubscriberRegistry],
      useFactory: (registry) => new Subscribers(registry),
    },
  ],
})(WorkerModule);

const app = await NestFactory.createApplicationContext(WorkerModule, {
  logger: ['warn', 'error'],
  abortOnError: false,
});
say({ ready: true });
if (process.env.SIGNALS !== 'nobody') process.on('SIGTERM', () => app.close().then(() => process.exit(0)));
