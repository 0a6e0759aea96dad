// A process with types of calls to the other system of the proof.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DomainEvent,
  IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import {
  type CallAnswer,
  type CallContext,
  type CallOf,
  CallsModule,
  type CallUpdate,
  ExternalCallsService,
  ExternalCallType,
} from 'nestjs-integration/calls';
import { type CallTypeName, type ProofRequest, TYPES } from '../calls/calls-of-proof.js';
import type { CallingRequest, CallingSetup } from './calling-protocol.js';
import { answerRequests, setupOf, tell } from './child.js';
import { createHostClient } from './host-client.js';

const HOST_CONNECTIONS = 12;
const CREATED_AT_ONCE = 20;

const setup = setupOf<CallingSetup>();
process.env.INTEGRATION_CALLS_MAX_IN_FLIGHT = '300';
process.env.INTEGRATION_CALLS_MAX_IN_FLIGHT_PER_TARGET = '300';
const host = createHostClient(setup.databaseUrl, HOST_CONNECTIONS);
type Call = CallOf<ProofRequest>;

function updateFrom({ status, json }: CallAnswer): CallUpdate {
  const { id, kind } = json<{ id: string; kind: string }>();
  if (status === 422) return { phase: 'failed', error: { code: '422', message: 'refused' } };
  const isOver = kind === 'at-once' || kind === 'lost' || kind === 'held';
  return isOver
    ? { externalId: id, phase: 'completed', result: kind }
    : { externalId: id, phase: 'processing' };
}

class Calls {
  async start({ type, request: { kind } }: Call, { http, idempotencyKey }: CallContext): Promise<CallUpdate> {
    if (kind === 'poison') process.kill(process.pid, 'SIGKILL');
    const query = `type=${type}&kind=${kind}&key=${idempotencyKey}`;
    return updateFrom(await http.send(`${setup.systemUrl}/start?${query}`, { method: 'POST' }));
  }

  async poll({ externalId }: Call & { externalId: string }, { http, idempotencyKey }: CallContext) {
    const answer = await http.send(`${setup.systemUrl}/ask?key=${idempotencyKey}`);
    const { isDone } = answer.json<{ isDone: boolean }>();
    return isDone
      ? ({ externalId, phase: 'completed', result: 'asked' } as const)
      : ({ externalId, phase: 'processing' } as const);
  }
}

class RetriedCalls extends Calls {}

class FoundCalls extends Calls {
  async find(_: Call, { http, idempotencyKey }: CallContext): Promise<CallUpdate | 'never-started'> {
    const answer = await http.send(`${setup.systemUrl}/find?key=${idempotencyKey}`);
    return answer.status === 404 ? 'never-started' : updateFrom(answer);
  }
}

const CLASSES: Readonly<Record<CallTypeName, typeof Calls>> = { found: FoundCalls, retried: RetriedCalls };
for (const type of TYPES)
  ExternalCallType({
    type,
    poll: { firstMs: 50, maxMs: 400 },
    maxAttempts: 4,
    timeoutMs: 15_000,
    ...(type === 'retried' ? { unknownOutcome: 'retry' } : {}),
  })(CLASSES[type]);

/** What a webhook becomes: an ordinary subscriber in a transaction. */
class Webhooks {
  async told({ payload }: DomainEvent<{ externalId: string; type: string }>, context: SubscriberContext) {
    const update = { phase: 'completed', result: 'told' } as const;
    await app
      .get(ExternalCallsService)
      .report(payload, update, { source: 'webhook', persistenceClient: context.transaction });
  }
}
const told = Object.getOwnPropertyDescriptor(Webhooks.prototype, 'told');
if (told !== undefined && setup.role === 'all')
  (
    IntegrationSubscriber('proof.told', {
      consumerName: 'proof-webhooks',
      transactional: true,
      startFrom: 'earliest',
    }) as MethodDecorator
  )(Webhooks.prototype, 'told', told);

class CallingModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      client: host,
      connectionString: setup.databaseUrl,
      role: setup.role,
      settings: {
        retryBaseDelayMs: 100,
        retryMaxDelayMs: 1_000,
        processingLeaseMs: 4_000,
      },
    }),
    CallsModule.forRoot({ network: { allow: ['127.0.0.1'], http: true } }),
  ],
  providers: [FoundCalls, RetriedCalls, Webhooks],
})(CallingModule);

const app = await NestFactory.createApplicationContext(CallingModule, {
  logger: ['warn', 'error', 'log'],
  abortOnError: false,
});

async function answer(request: CallingRequest): Promise<number> {
  if (request.kind === 'webhook') {
    const { externalId } = request;
    for (const type of TYPES)
      await app.get(IntegrationDeveloperApiService).publishEvent({
        eventName: 'proof.told',
        sourceModule: 'proof',
        aggregateType: 'webhook',
        aggregateId: externalId,
        payload: { externalId, type },
      });
    return 1;
  }
  const calls = app.get(ExternalCallsService);
  const { calls: all } = request;
  for (let at = 0; at < all.length; at += CREATED_AT_ONCE) {
    const made = all
      .slice(at, at + CREATED_AT_ONCE)
      .map(({ type, kind, group }) => calls.create(type, { request: { kind }, group }));
    await Promise.all(made);
  }
  return all.length;
}

answerRequests<CallingRequest>(answer);
process.on('SIGTERM', () => {
  app
    .close()
    .then(() => host.close())
    .then(() => process.exit(0));
});
tell({ kind: 'ready' });
