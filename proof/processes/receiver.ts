// A receiver of webhooks: an application with an HTTP server. It kills itself at the step that the harness has armed.
import type { ServerResponse } from 'node:http';
import { Controller, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { IntegrationModule, type SqlClient } from 'nestjs-integration';
import {
  githubSource,
  IncomingWebhookService,
  VerifiedWebhook,
  type VerifiedWebhookRequest,
  WebhookEvent,
  type WebhookSource,
  WebhooksModule,
} from 'nestjs-integration/webhooks';
import { answerRequests, setupOf, tell } from './child.js';
import { createHostClient } from './host-client.js';
import { recordPayment } from './receiver.store.js';
import {
  EVENTS_OF_PAYMENT,
  type OwnStep,
  RECEIVER_SECRET,
  type ReceiverRequest,
  type ReceiverSetup,
} from './receiver-protocol.js';

const HOST_CONNECTIONS = 12;
const ID_HEADER = 'x-github-delivery';

const setup = setupOf<ReceiverSetup>();
let armed: { readonly step: OwnStep; readonly delivery: string } | undefined;

/** The signal is delivered before the call returns, so nothing runs after it. */
function reach(step: OwnStep, delivery: string | undefined): void {
  if (armed?.step === step && armed.delivery === delivery) process.kill(process.pid, 'SIGKILL');
}

const github = githubSource({ secrets: RECEIVER_SECRET });
const received: WebhookSource = {
  ...github,
  verify: github.verify.map((scheme) => ({
    ...scheme,
    verify: (request, secrets) => {
      reach('before-verify', request.headers[ID_HEADER]);
      return scheme.verify(request, secrets);
    },
  })),
  type: (request) => {
    reach('after-verify', request.headers[ID_HEADER]);
    return github.type(request);
  },
};

@Controller('payments')
class PaymentsController {
  constructor(@Inject(IncomingWebhookService) private readonly webhooks: IncomingWebhookService) {}

  @Post()
  @VerifiedWebhook('payments')
  async pay(@WebhookEvent() { deliveryId, type }: VerifiedWebhookRequest): Promise<object> {
    reach('before-claim', deliveryId);
    const { status } = await this.webhooks.once(
      { source: 'payments', key: deliveryId, type },
      async (tx, emit) => {
        reach('after-claim', deliveryId);
        await recordPayment(tx as SqlClient, deliveryId);
        reach('after-write', deliveryId);
        for (let number = 1; number <= EVENTS_OF_PAYMENT; number++) {
          await emit({
            eventName: 'payment.received',
            sourceModule: 'proof',
            aggregateType: 'payment',
            aggregateId: deliveryId,
            payload: { number },
          });
        }
        reach('before-commit', deliveryId);
      },
    );
    reach('after-commit', deliveryId);
    return { status };
  }
}

@Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: setup.databaseUrl,
      role: 'publisher',
      ...(setup.hasHostClient ? { client: createHostClient(setup.databaseUrl, HOST_CONNECTIONS) } : {}),
    }),
    WebhooksModule.forRoot({
      incoming: { sources: [received, githubSource({ key: 'payments', secrets: RECEIVER_SECRET })] },
    }),
  ],
  controllers: [PaymentsController],
})
class ReceiverModule {}

const app = await NestFactory.create<NestExpressApplication>(ReceiverModule, {
  logger: ['warn', 'error'],
  abortOnError: false,
  rawBody: true,
});
app.use((request: { headers: Record<string, string> }, response: ServerResponse, next: () => void) => {
  const delivery = request.headers[ID_HEADER];
  const end = response.end.bind(response) as (...given: unknown[]) => ServerResponse;
  response.end = ((...given: unknown[]) => {
    reach('before-answer', delivery);
    return end(...given);
  }) as ServerResponse['end'];
  response.once('finish', () => reach('after-answer', delivery));
  next();
});
await app.listen(0, '127.0.0.1');
const address = await app.getUrl();

answerRequests<ReceiverRequest>(async (request) => {
  if (request.kind === 'address') return address;
  armed = request;
  return undefined;
});
process.on('SIGTERM', () => {
  app.close().then(() => process.exit(0));
});
tell({ kind: 'ready' });
