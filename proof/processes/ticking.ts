// A process with schedules, which may tick, and handles what others tick.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IntegrationModule, IntegrationSubscriber, type SubscriberContext } from 'nestjs-integration';
import { type ScheduledEvent, SchedulesModule, SchedulesService } from 'nestjs-integration/schedules';
import { NOTE_TICK } from '../schedules/evidence.store.js';
import { answerRequests, setupOf, tell } from './child.js';
import { createHostClient } from './host-client.js';
import type { TickingRequest, TickingSetup } from './ticking-protocol.js';

const HOST_CONNECTIONS = 8;
const CONSUMER = 'proof-ticks';

const setup = setupOf<TickingSetup>();
const host = createHostClient(setup.databaseUrl, HOST_CONNECTIONS);

class Ticks {
  async note({ payload }: ScheduledEvent, { transaction }: SubscriberContext): Promise<void> {
    await transaction.$queryRawUnsafe(NOTE_TICK, payload.schedule, payload.at);
  }
}
const note = Object.getOwnPropertyDescriptor(Ticks.prototype, 'note');
if (note !== undefined)
  (
    IntegrationSubscriber('integration.schedule.proof.*', {
      consumerName: CONSUMER,
      transactional: true,
      startFrom: 'earliest',
    }) as MethodDecorator
  )(Ticks.prototype, 'note', note);

class TickingModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      client: host,
      connectionString: setup.databaseUrl,
      settings: { retryBaseDelayMs: 100, retryMaxDelayMs: 1_000, processingLeaseMs: 4_000 },
    }),
    SchedulesModule.forRoot(),
  ],
  providers: [Ticks],
})(TickingModule);

const app = await NestFactory.createApplicationContext(TickingModule, {
  logger: ['warn', 'error', 'log'],
  abortOnError: false,
});

answerRequests<TickingRequest>(async ({ schedules }) => {
  const service = app.get(SchedulesService);
  for (const { name, ...definition } of schedules)
    await service.upsert(name, { ...definition, consumerName: CONSUMER });
  return schedules.length;
});
process.on('SIGTERM', () => {
  app
    .close()
    .then(() => host.close())
    .then(() => process.exit(0));
});
tell({ kind: 'ready' });
