// The process with calls and a saga: a Nest application with the package and its shipped settings.
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DomainEvent,
  IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import {
  type CallContext,
  type CallOf,
  CallsModule,
  type CallUpdate,
  ExternalCallsService,
  ExternalCallType,
} from 'nestjs-integration/calls';
import { Saga, type SagaContext, SagaStart, SagaStep, SagasModule } from 'nestjs-integration/sagas';
import { paced } from '../harness/paced.js';
import { untilTrue } from '../harness/until-true.js';
import { answering } from '../outgoing/asked-process.js';
import { NETWORK } from '../outgoing/clients.js';
import { noteByHand } from './calls.store.js';
import type { CallCommands, Range } from './protocol.js';

const LONGEST_MS = 60_000;
const HANGS_MS = 300_000;

/** When each commit returned and each handler began, by its name. */
const begun = new Map<string, number>();
const committed = new Map<string, number>();

/** What has come first is what is measured: a retry is not. */
function note(times: Map<string, number>, name: string): void {
  if (!times.has(name)) times.set(name, performance.now());
}

@Injectable()
@ExternalCallType({ type: 'fair', unknownOutcome: 'retry', timeoutMs: HANGS_MS, deadlineMs: HANGS_MS * 2 })
class FairCalls {
  async start(
    { request }: CallOf<{ name?: string; url?: string }>,
    { http }: CallContext,
  ): Promise<CallUpdate> {
    if (request.url !== undefined) {
      const { status } = await http.send(request.url, { json: {} });
      return { phase: 'failed', error: { code: 'LET_GO', message: `the receiver answered ${status}` } };
    }
    note(begun, request.name ?? '');
    return { phase: 'completed', result: null };
  }
}

@Injectable()
@ExternalCallType({ type: 'payment', unknownOutcome: 'retry' })
class PaymentCalls {
  async start({ request }: CallOf<{ order: string }>): Promise<CallUpdate> {
    return { phase: 'processing', externalId: request.order };
  }
}

const eventOf = (eventName: string, aggregateId: string) => ({
  eventName,
  sourceModule: 'bench',
  aggregateType: 'order',
  aggregateId,
  payload: {},
});
const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;

@Saga({ name: 'order', steps: ['paying'] })
class OrderSaga {
  @SagaStart('order.placed', { key: keyOf })
  async placed(_: DomainEvent, saga: SagaContext): Promise<void> {
    await saga.call(PaymentCalls, { request: { order: saga.key } });
    saga.become('paying');
  }

  @SagaStep('integration.call.payment.completed', { in: 'paying' })
  paid(_: DomainEvent, saga: SagaContext): void {
    note(begun, saga.key);
    saga.complete();
  }
}

@Injectable()
class Subscribers {
  constructor(
    private readonly calls: ExternalCallsService,
    private readonly api: IntegrationDeveloperApiService,
  ) {}

  @IntegrationSubscriber('webhook.payment.done', { consumerName: 'payment-webhooks', transactional: true })
  async onDone({ aggregateId }: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    const which = { type: 'payment', externalId: aggregateId };
    await this.calls.report(which, { phase: 'completed', result: null }, { persistenceClient: transaction });
  }

  /** The first of two transactional handlers in a row. It writes a row and publishes. */
  @IntegrationSubscriber('hand.done', { consumerName: 'hand-webhooks', transactional: true })
  async onHand({ aggregateId }: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    await noteByHand(transaction, aggregateId);
    await this.api.publishEvent(eventOf('hand.completed', aggregateId), { persistenceClient: transaction });
  }

  @IntegrationSubscriber('hand.completed', { consumerName: 'hand-step', transactional: true })
  onHandCompleted({ aggregateId }: DomainEvent): void {
    note(begun, aggregateId);
  }

  @IntegrationSubscriber('plain.done', { consumerName: 'plain' })
  onPlain({ aggregateId }: DomainEvent): void {
    note(begun, aggregateId);
  }
}

@Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.CALLS_DATABASE_URL ?? '',
      migrations: 'run',
      role: 'all',
    }),
    CallsModule.forRoot({ network: NETWORK }),
    SagasModule.forRoot(),
  ],
  providers: [FairCalls, PaymentCalls, OrderSaga, Subscribers],
})
class CallModule {}

const app = await NestFactory.createApplicationContext(CallModule, { logger: ['error'] });
const api = app.get(IntegrationDeveloperApiService);
const calls = app.get(ExternalCallsService);

/** Does `work` for each name at a steady rate. From the end of each to what it leads to, when all are there. */
async function delays(
  names: readonly string[],
  perSecond: number,
  work: (name: string, n: number) => Promise<unknown>,
): Promise<number[]> {
  await paced(names.length, perSecond, async (n) => {
    const name = names[n] ?? '';
    await work(name, n);
    note(committed, name);
  });
  const isAll = await untilTrue(() => names.every((name) => begun.has(name)), LONGEST_MS);
  if (!isAll) throw new Error(`${names.filter((name) => !begun.has(name)).length} have not begun`);
  // A handler may begin before this process hears of the commit that it waited for.
  return names.map((name) => Math.max(0, (begun.get(name) ?? 0) - (committed.get(name) ?? 0)));
}

const namesOf = (kind: string, { from, count }: Range) =>
  Array.from({ length: count }, (_, n) => `${kind} ${from + n}`);
const publish = (eventName: string, aggregateId: string) =>
  api.publishEvent(eventOf(eventName, aggregateId), { outsideTransaction: true });

let made = 0;

answering<CallCommands>(
  {
    fair: ({ perSecond, count, groups }) => {
      const names = namesOf('fair', { from: made, count });
      made += count;
      return delays(names, perSecond, (name, n) =>
        calls.create(FairCalls, { request: { name }, group: `group ${n % groups}` }),
      );
    },
    hang: async ({ count, url }) => {
      for (let n = 0; n < count; n++) await calls.create(FairCalls, { request: { url }, group: 'hanging' });
      return undefined;
    },
    begin: async (range) => {
      const names = namesOf('step', range);
      for (const name of names) await publish('order.placed', name);
      const areWaiting = async () => {
        const { items } = await calls.counts();
        const waiting = items.find(({ type, status }) => type === 'payment' && status === 'processing');
        return (waiting?.calls ?? 0) >= range.count;
      };
      if (!(await untilTrue(areWaiting, LONGEST_MS))) throw new Error('the calls of the sagas do not wait');
      return undefined;
    },
    steps: ({ perSecond, ...range }) =>
      delays(namesOf('step', range), perSecond, (name) => publish('webhook.payment.done', name)),
    hand: ({ perSecond, ...range }) =>
      delays(namesOf('hand', range), perSecond, (name) => publish('hand.done', name)),
    plain: ({ perSecond, ...range }) =>
      delays(namesOf('plain', range), perSecond, (name) => publish('plain.done', name)),
  },
  () => app.close(),
);
