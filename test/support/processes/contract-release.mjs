// One release of an application with a contract, as a process of its own. VERSION is 1 or 2: the version of the contract that it
// knows. CONSUMERS is a JSON list of names. It publishes what it is sent: lists of { n, aggregateId }. Its handler prints one JSON line
// for each event. With HOLDS_AT it never ends the handling of the event with that number.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import { ContractsModule, defineEvent } from '../../../dist/contracts/index.js';
import { DomainEventPublisher, EventSubscriberRegistry, IntegrationModule } from '../../../dist/index.js';

const name = 'order.placed';
const isOld = process.env.VERSION === '1';
const contract = isOld
  ? defineEvent({ name, schema: z.object({ n: z.number(), total: z.string() }) })
  : defineEvent({
      name,
      version: 2,
      schema: z.object({ n: z.number(), cents: z.number() }),
      upcast: { 1: ({ n, total }) => ({ n, cents: Number(total) * 100 }) },
    });

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function handle(consumer, { eventVersion: version, payload }, { attempt }) {
  const seen = { consumer, version, payload, attempt };
  say({ begun: seen });
  if (String(payload.n) === process.env.HOLDS_AT) await new Promise(() => {});
  say({ handled: seen });
}

class Subscribers {
  constructor(registry) {
    this.registry = registry;
  }

  onModuleInit() {
    for (const consumerName of JSON.parse(process.env.CONSUMERS)) {
      this.registry.registerHandler({
        eventName: name,
        consumerName,
        startFrom: 'earliest',
        timeoutMs: 600_000,
        handler: (event, context) => handle(consumerName, event, context),
      });
    }
  }
}

class ReleaseModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.DATABASE_URL,
      // A machine that stalls must not hand the consumer over: only the end of a process does.
      settings: { processingLeaseMs: 120_000 },
    }),
    ContractsModule.forRoot(),
    ContractsModule.forFeature([contract]),
  ],
  providers: [
    {
      provide: Subscribers,
      inject: [EventSubscriberRegistry],
      useFactory: (registry) => new Subscribers(registry),
    },
  ],
})(ReleaseModule);

const app = await NestFactory.createApplicationContext(ReleaseModule, {
  logger: ['error'],
  abortOnError: false,
});
const publisher = app.get(DomainEventPublisher);
let publishing = Promise.resolve();
process.on('message', (events) => {
  publishing = publishing.then(async () => {
    for (const { n, aggregateId } of events) {
      const payload = isOld ? { n, total: '1' } : { n, cents: 100 };
      await publisher.publishEvent(
        contract.event({ sourceModule: 'sales', aggregateType: 'order', aggregateId, payload }),
      );
    }
    say({ published: events.length });
  });
});
process.on('SIGTERM', () => app.close().then(() => process.exit(0)));
process.on('disconnect', () => process.exit(0));
say({ ready: true });
