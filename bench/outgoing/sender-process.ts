// The process that sends: a Nest application with the package and its shipped settings.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DomainEventPublisher, IntegrationModule, OutboxProcessor } from 'nestjs-integration';
import { ContractsModule, defineEvent, jsonSchema } from 'nestjs-integration/contracts';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import { sendDue } from 'nestjs-integration/testing';
import { WebhookDestinationsService, WebhooksModule } from 'nestjs-integration/webhooks';
import { paced } from '../harness/paced.js';
import { answering, measured } from './asked-process.js';
import { atOnce, BareClient, DATA, NETWORK, openClient, signed } from './clients.js';
import { EVENT, type SenderCommands } from './protocol.js';

const LONGEST_MS = 120_000;

const invoiceCreated = defineEvent({
  name: EVENT,
  schema: jsonSchema({ type: 'object' }),
  visibility: 'public',
  description: 'An invoice was made.',
});

@Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.SENDER_DATABASE_URL ?? '',
      migrations: 'run',
      role: 'all',
      settings: JSON.parse(process.env.SENDER_SETTINGS ?? '{}'),
    }),
    ContractsModule.forRoot(),
    ContractsModule.forFeature([invoiceCreated]),
    SecretsModule.forRoot({ keys: staticKeys({ k1: Buffer.alloc(32, 7) }) }),
    WebhooksModule.forRoot({ outgoing: { network: NETWORK } }),
  ],
})
class SenderModule {}

const app = await NestFactory.createApplicationContext(SenderModule, { logger: ['error'] });
const publisher = app.get(DomainEventPublisher);
const destinations = app.get(WebhookDestinationsService);
const bare = new BareClient();
const client = await openClient();

function publishFor(tenantId: string): Promise<unknown> {
  return publisher.publishEvent(
    {
      eventName: EVENT,
      sourceModule: 'bench',
      aggregateType: 'invoice',
      aggregateId: `invoice of ${tenantId}`,
      payload: JSON.parse(DATA),
      metadata: { tenantId },
    },
    { outsideTransaction: true },
  );
}

answering<SenderCommands>(
  {
    destinations: async ({ count, url, tenant, perTenant }) => {
      const ids: string[] = [];
      for (let n = 0; n < count; n++) {
        const of = destinations.forTenant(`${tenant}-${Math.floor(n / perTenant)}`);
        ids.push((await of.create({ url, eventTypes: [EVENT] })).destination.id);
      }
      return ids;
    },
    send: () => measured(() => sendDue(app, { timeoutMs: LONGEST_MS })),
    client: ({ url, count, inFlight }) =>
      measured(() =>
        atOnce(count, inFlight, async () => {
          const request = {
            url,
            ...signed(),
            deadlines: { wholeMs: 20_000 },
            answerBytes: 1_024,
            isRepeatable: true,
          };
          const { status } = await client.sendRequest(request);
          if (status !== 200) throw new Error(`the receiver answered ${status}`);
        }),
      ),
    bare: ({ url, count, inFlight }) => measured(() => atOnce(count, inFlight, () => bare.send(url))),
    route: () => measured(() => app.get(OutboxProcessor).drain({ timeoutMs: LONGEST_MS })),
    publish: async ({ perSecond, seconds, tenant, tenants }) => {
      const total = perSecond * seconds;
      await paced(total, perSecond, (n) => publishFor(`${tenant}-${n % tenants}`));
      return total;
    },
    heap: async () => {
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    },
  },
  async () => {
    client.close();
    bare.close();
    await app.close();
  },
);
