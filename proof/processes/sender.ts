// A process that routes events to destinations of webhooks, and sends to them.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IntegrationModule } from 'nestjs-integration';
import { ContractsModule, defineEvent, jsonSchema } from 'nestjs-integration/contracts';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import { WebhookDestinationsService, WebhooksModule } from 'nestjs-integration/webhooks';
import { answerRequests, setupOf, tell } from './child.js';
import { SENDING_TENANT, SENT_EVENT, type SenderRequest, type SenderSetup } from './sender-protocol.js';

const setup = setupOf<SenderSetup>();
process.env.INTEGRATION_WEBHOOKS_OUTGOING_ENABLED = String(setup.sends);

const sent = defineEvent({
  name: SENT_EVENT,
  schema: jsonSchema({ type: 'object' }),
  visibility: 'public',
  description: 'A thing was sent.',
});

@Module({
  imports: [
    IntegrationModule.forRoot({ connectionString: setup.databaseUrl, role: 'worker' }),
    ContractsModule.forRoot(),
    ContractsModule.forFeature([sent]),
    SecretsModule.forRoot({ keys: staticKeys({ k1: Buffer.alloc(32, 7) }) }),
    WebhooksModule.forRoot({ outgoing: { network: { allow: ['127.0.0.1/32'], http: true } } }),
  ],
})
class SenderModule {}

const app = await NestFactory.createApplicationContext(SenderModule, {
  logger: ['warn', 'error'],
  abortOnError: false,
});
const destinations = app.get(WebhookDestinationsService).forTenant(SENDING_TENANT);

answerRequests<SenderRequest>(async (request) => {
  if (request.kind === 'heap') {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  }
  const ids: string[] = [];
  for (let n = 0; n < request.count; n++) {
    const { destination } = await destinations.create({
      url: `${request.url}/${n}`,
      eventTypes: [SENT_EVENT],
    });
    ids.push(destination.id);
  }
  return ids;
});
process.on('SIGTERM', () => {
  app.close().then(() => process.exit(0));
});
tell({ kind: 'ready' });
