import { randomBytes } from 'node:crypto';
import { type INestApplication, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  type DomainEvent,
  IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
} from 'nestjs-integration';
import { ContractsModule, defineEvent } from 'nestjs-integration/contracts';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import { standardSource, WebhookDestinationsService, WebhooksModule } from 'nestjs-integration/webhooks';

/** Any library with Standard Schema will do; this one takes everything. */
const anything = {
  '~standard': {
    version: 1 as const,
    vendor: 'starter',
    validate: (value: unknown) => ({ value: value as { name: string } }),
  },
};
const greeted = defineEvent({ name: 'person.greeted', visibility: 'public', schema: anything });

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const KEY = randomBytes(32).toString('base64');

@Injectable()
class Receiver {
  /** Resolves with the webhook that was received and verified. */
  readonly received: Promise<DomainEvent<{ type: string; data: unknown }>>;
  private receive: (event: DomainEvent<{ type: string; data: unknown }>) => void = () => {};

  constructor() {
    this.received = new Promise((resolve) => {
      this.receive = resolve;
    });
  }

  @IntegrationSubscriber('webhook.mirror.person.greeted', { consumerName: 'mirror' })
  async onWebhook(event: DomainEvent<{ type: string; data: unknown }>): Promise<void> {
    this.receive(event);
  }
}

/** Sends webhooks, and receives those that it has sent. */
@Module({
  imports: [
    IntegrationModule.forRoot({ migrations: 'run' }),
    ContractsModule.forRoot(),
    ContractsModule.forFeature([greeted]),
    SecretsModule.forRoot({ keys: staticKeys({ test: KEY }) }),
    WebhooksModule.forRoot({
      incoming: { sources: [standardSource({ key: 'mirror', secrets: SECRET })] },
      outgoing: { network: { allow: ['127.0.0.1/32'], http: true } },
    }),
  ],
  providers: [Receiver],
})
class MirrorModule {}

describe.each([
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
] as const)('webhooks on %s', (platform, adapterOf) => {
  let app: INestApplication;

  beforeAll(async () => {
    app = await NestFactory.create(MirrorModule, adapterOf(), { logger: ['error'] });
    await app.listen(0, '127.0.0.1');
  });

  afterAll(async () => {
    await app.close();
  });

  it('go to a destination, signed, and are verified where they arrive', async () => {
    const destinations = app.get(WebhookDestinationsService).forTenant(platform);
    const { destination } = await destinations.create({
      url: `${await app.getUrl()}/webhooks/mirror`,
      eventTypes: ['person.*'],
      secret: SECRET,
    });
    const { outboxEventId } = await app.get(IntegrationDeveloperApiService).publishEvent(
      greeted.event({
        sourceModule: 'greetings',
        aggregateType: 'person',
        aggregateId: 'Ada',
        payload: { name: 'Ada' },
        metadata: { tenantId: platform },
      }),
    );
    const { payload, metadata } = await app.get(Receiver).received;
    expect(payload).toMatchObject({ type: 'person.greeted', data: { name: 'Ada' } });
    expect(metadata.webhook?.deliveryId).toBe(outboxEventId);
    await destinations.remove(destination.id);
  });
});
