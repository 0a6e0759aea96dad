import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type DynamicModule,
  type INestApplicationContext,
  Inject,
  Injectable,
  Module,
  type OnModuleInit,
  type Provider,
  type Type,
} from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { IntegrationHealthIndicator } from '../../src/health/index.js';
import {
  ConsumerService,
  type DomainEvent,
  DomainEventPublisher,
  EventSubscriberRegistry,
  getIntegrationToken,
  InboxService,
  InjectIntegration,
  IntegrationDeveloperApiService,
  type IntegrationError,
  IntegrationLinkService,
  IntegrationModule,
  type IntegrationModuleOptions,
  IntegrationSettingsService,
  IntegrationSubscriber,
  OnIntegrationEvent,
  OutboxProcessor,
  OutboxService,
  type OutcomeKinds,
  type SubscriberContext,
} from '../../src/index.js';
import { BEAT_INTERVAL_MS } from '../../src/membership/lease-keeper.js';
import { METRICS } from '../../src/telemetry/names.js';
import {
  createIntegrationTestDatabase,
  type EmbeddedPostgres,
  failAt,
  outcomeOf,
  publishAndDrain,
  startEmbeddedPostgres,
} from '../../src/testing/index.js';
import { openKysely } from '../clients/kysely.js';
import { TEST_BEAT_MS } from '../support/app.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Outage } from '../support/outage.js';
import { pauseAndWait } from '../support/pause.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const FAST = {
  retryBaseDelayMs: 100,
  retryMaxDelayMs: 200,
  pollingIntervalMs: 200,
  idlePollingIntervalMs: 400,
};
const SILENT = { log() {}, error() {}, warn() {} };

let shop: TestDatabase;
let billing: TestDatabase;
const running: INestApplicationContext[] = [];

beforeAll(async () => {
  [shop, billing] = await Promise.all([createTestDatabase(), createTestDatabase()]);
});
afterEach(async () => {
  silenceLog();
  for (const app of running.splice(0)) await app.close();
});
afterAll(async () => {
  await Promise.all([shop.drop(), billing.drop()]);
});

function forShop(options: IntegrationModuleOptions = {}): DynamicModule {
  return IntegrationModule.forRoot({ connectionString: shop.url, settings: FAST, ...options });
}

function forBilling(options: IntegrationModuleOptions = {}): DynamicModule {
  return IntegrationModule.forRoot({
    name: 'billing',
    connectionString: billing.url,
    settings: FAST,
    ...options,
  });
}

type Part = Type | DynamicModule;

function application(parts: readonly Part[], providers: Provider[] = []) {
  return Test.createTestingModule({ imports: [...parts], providers })
    .setLogger(SILENT)
    .overrideProvider(BEAT_INTERVAL_MS)
    .useValue(TEST_BEAT_MS);
}

async function boot(parts: readonly Part[], providers: Provider[] = []): Promise<INestApplicationContext> {
  const app = await application(parts, providers).compile();
  running.push(app);
  return app.init();
}

async function failureOf(parts: readonly Part[], providers: Provider[] = []): Promise<IntegrationError> {
  return boot(parts, providers).then(
    () => Promise.reject(new Error('it booted')),
    (error: unknown) => error as IntegrationError,
  );
}

const ofBilling = <S extends IntegrationDeveloperApiService>(service: Type<S>) =>
  getIntegrationToken(service, 'billing');

const event = (eventName: string, aggregateId = 'a') => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
});

/** What an application of the tests heard, with the integration that the event came from. */
interface Heard {
  readonly by: string;
  readonly id: string;
  readonly integration: string;
}

let heard: Recorder<Heard>;
let counter = 0;

/** A provider with consumers of new names on both sides. */
function subscribers(prefix: string): Type {
  heard = new Recorder();
  const hear = (by: string, { aggregateId: id }: DomainEvent, { integration }: SubscriberContext) =>
    heard.record({ by, id, integration });

  @Injectable()
  class Subscribers {
    @IntegrationSubscriber(`${prefix}.*`, { consumerName: `${prefix}.shop` })
    inShop(given: DomainEvent, context: SubscriberContext): void {
      hear('shop', given, context);
    }

    @IntegrationSubscriber(`${prefix}.*`, { consumerName: `${prefix}.billing`, integration: 'billing' })
    inBilling(given: DomainEvent, context: SubscriberContext): void {
      hear('billing', given, context);
    }

    @IntegrationSubscriber({
      eventName: `${prefix}.*`,
      consumerName: `${prefix}.both`,
      integration: ['default', 'billing'],
    })
    inBoth(given: DomainEvent, context: SubscriberContext): void {
      hear('both', given, context);
    }
  }
  return Subscribers;
}

const newPrefix = () => `play${++counter}`;

describe('two integrations in one application', () => {
  it('have logs of their own: a subscriber hears of the one that it names, or of each in a list', async () => {
    const prefix = newPrefix();
    const app = await boot([forBilling(), forShop()], [subscribers(prefix)]);
    await app.get(DomainEventPublisher).publishEvent(event(`${prefix}.a`, 'from shop'));
    await app
      .get<DomainEventPublisher>(getIntegrationToken(DomainEventPublisher, 'billing'))
      .publishEvent(event(`${prefix}.a`, 'from billing'));
    const all = await heard.first(4);
    expect(all.map(({ by, id, integration }) => `${by}: ${id} (${integration})`).sort()).toEqual([
      'billing: from billing (billing)',
      'both: from billing (billing)',
      'both: from shop (default)',
      'shop: from shop (default)',
    ]);
    const count = 'SELECT count(*)::int AS n FROM integration.outbox_event WHERE event_name = $1';
    for (const database of [shop, billing])
      expect((await database.pool.query(count, [`${prefix}.a`])).rows).toEqual([{ n: 1 }]);
  });

  it('are found by class and by name, whatever the order of the imports', async () => {
    for (const parts of [
      [forShop(), forBilling()],
      [forBilling(), forShop()],
    ]) {
      const app = await boot(parts);
      const named = app.get<IntegrationDeveloperApiService>(ofBilling(IntegrationDeveloperApiService));
      expect(named).not.toBe(app.get(IntegrationDeveloperApiService));
      expect(app.get(getIntegrationToken(IntegrationDeveloperApiService))).toBe(
        app.get(IntegrationDeveloperApiService),
      );
      const name = newPrefix();
      const { outboxEventId } = await app.get(DomainEventPublisher).publishEvent(event(name));
      const inBilling = app.get<OutboxService>(getIntegrationToken(OutboxService, 'billing'));
      expect(await app.get(OutboxService).findById(outboxEventId)).toBeDefined();
      expect(await inBilling.findById(outboxEventId)).toBeUndefined();
    }
  });

  it('have settings of their own, stored and live', async () => {
    const app = await boot([forShop(), forBilling({ settings: { ...FAST, maxAttempts: 7 } })]);
    const mine = app.get(IntegrationSettingsService);
    const theirs = app.get<IntegrationSettingsService>(
      getIntegrationToken(IntegrationSettingsService, 'billing'),
    );
    expect([mine.get('maxAttempts'), theirs.get('maxAttempts')]).toEqual([3, 7]);
    await theirs.set('maxAttempts', 9, 'test');
    expect([mine.get('maxAttempts'), theirs.get('maxAttempts')]).toEqual([3, 9]);
    const stored = `SELECT "value" FROM integration.integration_setting WHERE "key" LIKE '%maxAttempts'`;
    expect((await shop.pool.query(stored)).rows).toEqual([]);
    expect((await billing.pool.query(stored)).rows).toEqual([{ value: 9 }]);
    await theirs.reset('maxAttempts');
  });

  it('are paused apart, and one that is switched off leaves the other alone', async () => {
    const prefix = newPrefix();
    const app = await boot([forShop(), forBilling()], [subscribers(prefix)]);
    const consumers = app.get<ConsumerService>(getIntegrationToken(ConsumerService, 'billing'));
    await pauseAndWait(consumers, `${prefix}.both`);
    await app
      .get<DomainEventPublisher>(getIntegrationToken(DomainEventPublisher, 'billing'))
      .publishEvent(event(`${prefix}.a`, 'held'));
    await app.get(DomainEventPublisher).publishEvent(event(`${prefix}.a`, 'free'));
    await heard.first(3);
    expect(heard.all.map(({ by, id }) => `${by}: ${id}`).sort()).toEqual([
      'billing: held',
      'both: free',
      'shop: free',
    ]);
    await consumers.resume(`${prefix}.both`);
    expect((await heard.first(4)).at(-1)).toEqual({ by: 'both', id: 'held', integration: 'billing' });

    const settings = app.get<IntegrationSettingsService>(
      getIntegrationToken(IntegrationSettingsService, 'billing'),
    );
    await settings.set('enabled', false, 'test');
    try {
      const refused = app
        .get<DomainEventPublisher>(getIntegrationToken(DomainEventPublisher, 'billing'))
        .publishEvent(event(`${prefix}.a`));
      await expect(refused).rejects.toMatchObject({ code: 'INTEGRATION_OUTBOX_DISABLED' });
      await app.get(DomainEventPublisher).publishEvent(event(`${prefix}.a`, 'still free'));
      await heard.first(6);
    } finally {
      await settings.reset('enabled');
    }
  });

  it('register what is given to their own service in onModuleInit', async () => {
    const name = newPrefix();
    const got = new Recorder<string>();
    @Injectable()
    class Registering implements OnModuleInit {
      @InjectIntegration(EventSubscriberRegistry, 'billing')
      private readonly registry!: EventSubscriberRegistry;

      constructor(
        @InjectIntegration(IntegrationDeveloperApiService, 'billing')
        readonly api: IntegrationDeveloperApiService,
        @InjectIntegration(IntegrationDeveloperApiService) readonly shopApi: IntegrationDeveloperApiService,
      ) {}

      onModuleInit(): void {
        const handler = ({ aggregateId }: DomainEvent, { integration }: SubscriberContext) =>
          got.record(`${aggregateId} (${integration})`);
        this.api.subscribe({ eventName: name, consumerName: `${name}.one`, handler });
        this.registry.registerHandler({ eventName: name, consumerName: `${name}.two`, handler });
      }
    }
    const app = await boot([forShop(), forBilling()], [Registering]);
    const { api, shopApi } = app.get(Registering);
    await shopApi.publishEvent(event(name, 'elsewhere'));
    await api.publishEvent(event(name, 'here'));
    expect(await got.first(2)).toEqual(['here (billing)', 'here (billing)']);
    const cursors = 'SELECT consumer_name FROM integration.inbox_cursor WHERE consumer_name LIKE $1';
    expect((await shop.pool.query(cursors, [`${name}%`])).rows).toEqual([]);
  });

  it('say in their log lines which they are, and nothing without a name', async () => {
    const name = newPrefix();
    @Injectable()
    class Failing {
      @IntegrationSubscriber(name, {
        consumerName: name,
        integration: ['default', 'billing'],
        retry: { maxAttempts: 1 },
      })
      fail(_event: DomainEvent, { logger }: SubscriberContext): void {
        logger.warn('in the handler');
        throw new Error('broken');
      }
    }
    const app = await boot([forShop(), forBilling()], [Failing]);
    const lines = hearLog();
    const shopped = await app.get(DomainEventPublisher).publishEvent(event(name));
    const billed = await app
      .get<DomainEventPublisher>(getIntegrationToken(DomainEventPublisher, 'billing'))
      .publishEvent(event(name));
    await lines.find(({ level, context }) => level === 'error' && context === `Consumer ${name}`);
    const error = await lines.find(
      ({ level, context }) => level === 'error' && context === `Consumer ${name} (billing)`,
    );
    expect(error.text).toContain('--name billing');
    const said = lines.all.filter(({ text }) => text === 'in the handler').map(({ context }) => context);
    expect(said.sort()).toEqual(
      [
        `${name} ${name} ${shopped.outboxEventId}`,
        `${name} ${name} ${billed.outboxEventId} (billing)`,
      ].sort(),
    );
  });

  it('are all heard by @OnIntegrationEvent, which is told of which', async () => {
    const name = newPrefix();
    const told = new Recorder<string>();
    @Injectable()
    class Alerts {
      @IntegrationSubscriber(name, { consumerName: name, integration: ['default', 'billing'] })
      handle(): void {}

      @OnIntegrationEvent('processed')
      processed({ integration, eventName }: OutcomeKinds['processed']): void {
        if (eventName === name) told.record(integration);
      }
    }
    const app = await boot([forShop(), forBilling()], [Alerts]);
    await app.get(DomainEventPublisher).publishEvent(event(name));
    await app
      .get<DomainEventPublisher>(getIntegrationToken(DomainEventPublisher, 'billing'))
      .publishEvent(event(name));
    expect((await told.first(2)).sort()).toEqual(['billing', 'default']);
  });

  it('are looked at by the tools of tests by name', async () => {
    const prefix = newPrefix();
    const app = await boot([forShop(), forBilling()], [subscribers(prefix)]);
    const fault = failAt(app, 'before-handler', { integration: 'billing', consumerName: `${prefix}.both` });
    const { published } = await publishAndDrain(app, event(`${prefix}.a`, 'x'), { integration: 'billing' });
    expect(fault.hits).toBe(1);
    const id = published[0]?.outboxEventId ?? '';
    expect(await outcomeOf(app, id, `${prefix}.both`, { integration: 'billing' })).toMatchObject({
      status: 'processed',
    });
    await publishAndDrain(app, event(`${prefix}.a`, 'y'));
    expect(heard.all.filter(({ id: each }) => each === 'y').map(({ integration }) => integration)).toEqual([
      'default',
      'default',
    ]);
    expect(() => failAt(app, 'before-handler', { integration: 'biling' })).toThrow(/"default", "billing"/);
  });

  it('answer health checks apart', async () => {
    const app = await boot([forShop(), forBilling()]);
    const health = app.get<IntegrationHealthIndicator>(
      getIntegrationToken(IntegrationHealthIndicator, 'billing'),
    );
    expect(await health.live('billing')).toMatchObject({ billing: { status: 'up' } });
    expect(await app.get(IntegrationHealthIndicator).ready()).toMatchObject({
      integration: { status: 'up' },
    });
  });

  it('have metrics that are told apart', async () => {
    const exporter = new PrometheusExporter({ preventServerStart: true });
    const meters = new MeterProvider({ readers: [exporter] });
    metrics.setGlobalMeterProvider(meters);
    try {
      const telemetry = { metrics: true };
      await boot([forShop({ telemetry }), forBilling({ telemetry })]);
      const { resourceMetrics } = await exporter.collect();
      const points = resourceMetrics.scopeMetrics
        .flatMap(({ metrics: all }) => all)
        .filter(({ descriptor }) => descriptor.name === METRICS.handlersRunning)
        .flatMap(({ dataPoints }) => dataPoints.map(({ attributes }) => attributes));
      expect(points).toHaveLength(2);
      expect(points).toEqual(expect.arrayContaining([{}, { 'nestjs_integration.name': 'billing' }]));
    } finally {
      metrics.disable();
      await meters.shutdown();
    }
  });

  it('have a heartbeat each, under ids of their own', async () => {
    await boot([forShop(), forBilling()]);
    const ids = await Promise.all(
      [shop, billing].map((database) =>
        until('it beats', async () => {
          const { rows } = await database.pool.query('SELECT id FROM integration.integration_process');
          return rows.length > 0 && rows.map(({ id }) => id as string);
        }),
      ),
    );
    expect(new Set(ids.flat()).size).toBe(2);
  });
});

describe('transactions', () => {
  const of = (app: INestApplicationContext) => ({
    mine: app.get(IntegrationDeveloperApiService),
    theirs: app.get<IntegrationDeveloperApiService>(ofBilling(IntegrationDeveloperApiService)),
  });

  it('of one integration are refused by the services of another', async () => {
    const app = await boot([forShop({ client: shop.prisma() }), forBilling({ client: billing.prisma() })]);
    const { mine, theirs } = of(app);
    const links = app.get<IntegrationLinkService>(getIntegrationToken(IntegrationLinkService, 'billing'));
    const inbox = app.get<InboxService>(getIntegrationToken(InboxService, 'billing'));
    const name = newPrefix();
    await mine.transaction(async (tx) => {
      const end = { module: 'm', entityType: 'e', entityId: '1' };
      const attempts = [
        theirs.publishEvent(event(name), { persistenceClient: tx }),
        links.findOutbound('m', 'e', '1', tx),
        links.createLink(
          { source: end, target: { ...end, entityId: '2' }, linkType: 'related' } as never,
          tx,
        ),
        inbox.markProcessed('018f3c2a-0000-7000-8000-000000000001', tx),
      ];
      for (const [index, attempt] of attempts.entries()) {
        if (index === 2) await attempt.catch(() => {});
        else
          await expect(attempt).rejects.toMatchObject({
            code: 'INTEGRATION_CLIENT_INVALID',
            message: expect.stringMatching(/integration "default".*belongs to "billing"/),
          });
      }
      await mine.publishEvent(event(name), { persistenceClient: tx });
    });
    const found = await app.get(OutboxService).findMany({ eventName: name });
    expect(found.items).toHaveLength(1);
  });

  it('of another data source are refused wherever its library can tell them', async () => {
    const [mine, theirs] = [await openKysely(shop.url), await openKysely(billing.url)];
    try {
      const app = await boot([forShop({ client: mine.adapter }), forBilling({ client: theirs.adapter })]);
      const publisher = app.get<DomainEventPublisher>(getIntegrationToken(DomainEventPublisher, 'billing'));
      await mine.transaction(async (tx) => {
        const publishing = publisher.publishEvent(event(newPrefix()), { persistenceClient: tx as never });
        await expect(publishing).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_INVALID' });
      });
      await theirs.transaction(async (tx) => {
        await publisher.publishEvent(event(newPrefix()), { persistenceClient: tx as never });
      });
    } finally {
      for (const app of running.splice(0)) await app.close();
      await Promise.all([mine.close(), theirs.close()]);
    }
  });

  it('are not recognized: publishing in another integration is a statement of its own', async () => {
    const app = await boot([forShop(), forBilling()]);
    const { mine, theirs } = of(app);
    const name = newPrefix();
    await expect(
      mine.transaction(async (tx) => {
        await theirs.publishEvent(event(name, 'stays'));
        await mine.publishEvent(event(name, 'goes'), { persistenceClient: tx });
        await expect(mine.publishEvent(event(name, 'forgotten'))).rejects.toMatchObject({
          code: 'INTEGRATION_TRANSACTION_FORGOTTEN',
        });
        await theirs.transaction(async (inner) => {
          await theirs.publishEvent(event(name, 'inner'), { persistenceClient: inner });
          await mine.publishEvent(event(name, 'goes too'), { persistenceClient: tx });
          await expect(mine.publishEvent(event(name, 'forgotten'))).rejects.toMatchObject({
            code: 'INTEGRATION_TRANSACTION_FORGOTTEN',
          });
          await expect(theirs.publishEvent(event(name, 'forgotten'))).rejects.toMatchObject({
            code: 'INTEGRATION_TRANSACTION_FORGOTTEN',
          });
        });
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    const inBilling = app.get<OutboxService>(getIntegrationToken(OutboxService, 'billing'));
    const ids = async (outbox: OutboxService) =>
      (await outbox.findMany({ eventName: name })).items.map(({ aggregateId }) => aggregateId).sort();
    expect(await ids(app.get(OutboxService))).toEqual([]);
    expect(await ids(inBilling)).toEqual(['inner', 'stays']);
  });

  it('of a handler end with it; what it publishes elsewhere has its correlation, producer and cause', async () => {
    const name = newPrefix();
    const done = new Recorder<DomainEvent>();
    @Injectable()
    class Passing {
      constructor(
        @InjectIntegration(DomainEventPublisher, 'billing') private readonly theirs: DomainEventPublisher,
      ) {}

      @IntegrationSubscriber(`${name}.ordered`, { consumerName: `${name}.pass`, transactional: true })
      async pass(given: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
        await expect(
          this.theirs.publishEvent(event(`${name}.billed`), { persistenceClient: transaction }),
        ).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_INVALID' });
        await this.theirs.publishEvent({
          ...event(`${name}.billed`, given.aggregateId),
          deduplicationKey: given.outboxEventId,
        });
      }

      @IntegrationSubscriber(`${name}.billed`, { consumerName: `${name}.end`, integration: 'billing' })
      end(given: DomainEvent): void {
        done.record(given);
      }
    }
    const app = await boot([forShop(), forBilling()], [Passing]);
    const first = await app.get(DomainEventPublisher).publishEvent(event(`${name}.ordered`, 'o1'));
    const last = await done.find(({ aggregateId }) => aggregateId === 'o1');
    expect(last.metadata).toMatchObject({
      correlationId: first.outboxEventId,
      causationId: first.outboxEventId,
      producer: `${name}.pass`,
    });
  });
});

describe('the boot', () => {
  it('refuses a name that is given twice, also beside an integration without a name', async () => {
    const error = await failureOf([forShop(), forBilling(), forBilling({ connectionString: shop.url })]);
    expect(error.code).toBe('INTEGRATION_ALREADY_REGISTERED');
    expect(error.message).toContain('2 times with the name "billing"');
    const same = await failureOf([forShop(), forShop({ name: 'default' })]);
    expect(same.code).toBe('INTEGRATION_ALREADY_REGISTERED');
  });

  it.each(['', 'Billing', 'my-db', '1st', 7, 'x'.repeat(49)])('refuses the name %j', (name) => {
    expect(() => IntegrationModule.forRoot({ name: name as string })).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_OPTIONS_INVALID' }),
    );
    expect(() => IntegrationModule.forRootAsync({ name: name as string, useFactory: () => ({}) })).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_OPTIONS_INVALID' }),
    );
  });

  it('refuses a subscriber of an unknown integration, and lists those there are', async () => {
    class Wrong {
      @IntegrationSubscriber('a', { consumerName: 'a', integration: ['billing', 'biling'] })
      handle(): void {}
    }
    const error = await failureOf([forShop(), forBilling()], [Wrong]);
    expect(error.code).toBe('INTEGRATION_NAME_UNKNOWN');
    expect(error.message).toMatch(
      /^Wrong\.handle \(.*\) asks for the integration "biling".*did you mean billing.*There are: "default", "billing"\./,
    );
    expect(error.details).toEqual({ name: 'biling', names: ['default', 'billing'] });
  });

  it('refuses a subscriber without a name where every integration has one', async () => {
    class Wrong {
      @IntegrationSubscriber('a', { consumerName: 'a' })
      handle(): void {}
    }
    const error = await failureOf([forBilling()], [Wrong]);
    expect(error.code).toBe('INTEGRATION_NAME_UNKNOWN');
    expect(error.message).toMatch(/asks for the integration without a name.*There are: "billing"\./);
  });

  it.each([[[]], [7], [['a', 7]]])('refuses the integration %j of a subscriber', async (integration) => {
    class Wrong {
      @IntegrationSubscriber('a', { consumerName: 'a', integration: integration as never })
      handle(): void {}
    }
    expect((await failureOf([forShop()], [Wrong])).code).toBe('INTEGRATION_SUBSCRIBER_INVALID');
  });

  it('refuses @InjectIntegration of an unknown name, and lists those there are', async () => {
    @Injectable()
    class Wrong {
      constructor(@InjectIntegration(OutboxService, 'biling') readonly outbox: OutboxService) {
        void outbox.getStats;
      }
    }
    const error = await failureOf([forShop(), forBilling()], [Wrong]);
    expect(error.code).toBe('INTEGRATION_NAME_UNKNOWN');
    expect(error.message).toMatch(/@InjectIntegration\(OutboxService, 'biling'\).*"default", "billing"/);
    // A class that is no part of an application does not fail its boot.
    await boot([forShop(), forBilling()]);
  });

  it('refuses @InjectIntegration of what is no service, and of no name', () => {
    expect(() => InjectIntegration(Outage as never, 'billing')).toThrow(
      /Outage is not a service.*OutboxService/,
    );
    expect(() => InjectIntegration(undefined as never)).toThrow(/undefined is not a service/);
    expect(() => InjectIntegration(OutboxService, 'No Name')).toThrow(/name must be/);
  });

  it('refuses two integrations that run consumers on the same tables, and allows a publisher there', async () => {
    const error = await failureOf([forShop(), forBilling({ connectionString: shop.url })]);
    expect(error.code).toBe('INTEGRATION_ALREADY_REGISTERED');
    expect(error.message).toMatch(
      /"default" and "billing" lead to the same tables \(schema "integration" of/,
    );

    const name = newPrefix();
    const got = new Recorder<string>();
    @Injectable()
    class Hearing {
      @IntegrationSubscriber(name, { consumerName: name })
      handle({ aggregateId }: DomainEvent): void {
        got.record(aggregateId);
      }
    }
    const app = await boot(
      [forShop(), forBilling({ connectionString: shop.url, role: 'publisher' })],
      [Hearing],
    );
    await app
      .get<DomainEventPublisher>(getIntegrationToken(DomainEventPublisher, 'billing'))
      .publishEvent(event(name, 'by another client'));
    expect(await got.first(1)).toEqual(['by another client']);
  });

  it('takes two schemas of one database', async () => {
    const prefix = newPrefix();
    const other = { connectionString: shop.url, schema: 'billing_events', migrations: 'run' } as const;
    const app = await boot([forShop(), forBilling(other)], [subscribers(prefix)]);
    await app
      .get<DomainEventPublisher>(getIntegrationToken(DomainEventPublisher, 'billing'))
      .publishEvent(event(`${prefix}.a`, 'x'));
    const all = await heard.first(2);
    expect(all.map(({ by, integration }) => `${by} (${integration})`).sort()).toEqual([
      'billing (billing)',
      'both (billing)',
    ]);
  });

  it('of one that fails gives back what the others hold', async () => {
    // The databases cannot be dropped while anybody is connected, which afterAll would say.
    const error = await failureOf([
      forShop(),
      forBilling({ connectionString: billing.url.replace(/\/[^/]*$/, '/there_is_none') }),
    ]);
    expect(error.code).toBe('INTEGRATION_DATABASE_UNKNOWN');
    running.length = 0;
    await until('nobody is connected', async () => {
      const { rows } = await shop.pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'nestjs-integration%'`,
      );
      return rows.length === 0;
    });
  });
});

describe('options of an integration with a name', () => {
  it('come from variables that begin with its name, and never from those of another', async () => {
    const before = { ...process.env };
    Object.assign(process.env, {
      DATABASE_URL: shop.url,
      INTEGRATION_OUTBOX_MAX_ATTEMPTS: '4',
      BILLING_INTEGRATION_OUTBOX_BATCH_SIZE: '40',
      BILLING_INTEGRATION_OUTBOX_BATCHSIZE: '50',
    });
    try {
      const error = await failureOf([
        IntegrationModule.forRoot(),
        IntegrationModule.forRoot({ name: 'billing' }),
      ]);
      expect(error.code).toBe('INTEGRATION_OPTIONS_INVALID');
      expect(error.message).toContain('set BILLING_DATABASE_URL in the environment');
      expect(error.message).toContain('does not take DATABASE_URL');

      process.env.BILLING_DATABASE_URL = billing.url;
      const app = await boot([IntegrationModule.forRoot(), IntegrationModule.forRoot({ name: 'billing' })]);
      const mine = app.get(IntegrationSettingsService);
      const theirs = app.get<IntegrationSettingsService>(
        getIntegrationToken(IntegrationSettingsService, 'billing'),
      );
      expect([mine.get('maxAttempts'), theirs.get('maxAttempts')]).toEqual([4, 3]);
      expect([mine.get('batchSize'), theirs.get('batchSize')]).toEqual([500, 40]);
      expect(mine.problems).toEqual([]);
      expect(theirs.problems).toEqual([
        expect.stringContaining(
          'BILLING_INTEGRATION_OUTBOX_BATCHSIZE is not a setting (did you mean BILLING_',
        ),
      ]);
      expect(theirs.getAll().find(({ key }) => key.endsWith('batchSize'))).toMatchObject({
        source: 'environment',
        environmentName: 'BILLING_INTEGRATION_OUTBOX_BATCH_SIZE',
      });
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    }
  });

  it('may be made by a factory, which is not asked for the name', async () => {
    const name = newPrefix();
    const got = new Recorder<string>();
    @Injectable()
    class Hearing {
      @IntegrationSubscriber(name, { consumerName: name, integration: 'billing' })
      handle({ aggregateId }: DomainEvent): void {
        got.record(aggregateId);
      }
    }
    const useFactory = (url: string) => ({ connectionString: url, settings: FAST });
    const urls: DynamicModule = {
      module: class Urls {},
      providers: [
        { provide: 'SHOP', useValue: shop.url },
        { provide: 'BILLING', useValue: billing.url },
      ],
      exports: ['SHOP', 'BILLING'],
    };
    const app = await boot(
      [
        IntegrationModule.forRootAsync({ imports: [urls], inject: ['SHOP'], useFactory }),
        IntegrationModule.forRootAsync({ name: 'billing', imports: [urls], inject: ['BILLING'], useFactory }),
      ],
      [Hearing],
    );
    await app
      .get<IntegrationDeveloperApiService>(ofBilling(IntegrationDeveloperApiService))
      .publishEvent(event(name, 'made'));
    expect(await got.first(1)).toEqual(['made']);
    const late = await failureOf([
      IntegrationModule.forRootAsync({
        useFactory: () => ({ connectionString: shop.url, name: 'billing' }) as IntegrationModuleOptions,
      }),
    ]);
    expect(late.message).toContain('name comes too late from a factory');
  });
});

describe('feature modules', () => {
  @Injectable()
  class Feature {
    constructor(
      @InjectIntegration(DomainEventPublisher, 'billing') readonly theirs: DomainEventPublisher,
      @Inject(getIntegrationToken(OutboxService, 'billing')) readonly outbox: OutboxService,
      readonly mine: DomainEventPublisher,
    ) {}
  }

  it('inject by name without importing, also those that are loaded lazily', async () => {
    @Module({ providers: [Feature], exports: [Feature] })
    class FeatureModule {}
    @Module({ providers: [Feature] })
    class LazyModule {}
    const app = await boot([forShop(), forBilling(), FeatureModule]);
    const lazy = await app.get(LazyModuleLoader).load(() => LazyModule);
    for (const feature of [app.get(Feature), lazy.get(Feature)]) {
      expect(feature.theirs).toBe(app.get(getIntegrationToken(DomainEventPublisher, 'billing')));
      expect(feature.mine).toBe(app.get(DomainEventPublisher));
    }
  });

  it('whose classes are written down after the boot inject by name as well', async () => {
    const app = await boot([forShop(), forBilling({ name: 'late' })]);
    @Injectable()
    class Later {
      constructor(@InjectIntegration(OutboxProcessor, 'late') readonly processor: OutboxProcessor) {}
    }
    @Module({ providers: [Later] })
    class LaterModule {}
    const lazy = await app.get(LazyModuleLoader).load(() => LaterModule);
    expect(lazy.get(Later).processor).toBe(app.get(getIntegrationToken(OutboxProcessor, 'late')));
  });

  it('import the module that forRoot returned where isGlobal is false', async () => {
    const integration = forBilling({ isGlobal: false });
    @Module({ imports: [integration], providers: [Feature] })
    class FeatureModule {}
    const app = await boot([forShop(), FeatureModule]);
    expect(app.get(Feature).theirs).toBe(app.get(getIntegrationToken(DomainEventPublisher, 'billing')));
    @Injectable()
    class Outside {
      constructor(
        @InjectIntegration(DomainEventPublisher, 'billing') readonly theirs: DomainEventPublisher,
      ) {}
    }
    const error = await failureOf([forShop(), FeatureModule], [Outside]);
    expect(error.message).toContain('isGlobal: false');
  });

  it('may replace a service of one integration in a test', async () => {
    const fake = { publishEvent: () => Promise.resolve('fake') };
    const app = await application([forShop(), forBilling()], [Feature])
      .overrideProvider(getIntegrationToken(DomainEventPublisher, 'billing'))
      .useValue(fake)
      .compile();
    running.push(await app.init());
    expect(app.get(Feature).theirs).toBe(fake);
    expect(app.get(Feature).mine).toBeInstanceOf(DomainEventPublisher);
  });
});

describe('a shutdown', () => {
  it.each(['default', 'billing'])(
    'of %s that waits for a handler does not hold up the other',
    async (slow) => {
      const name = newPrefix();
      const events: string[] = [];
      const began = new Recorder<string>();
      let goOn = () => {};
      const held = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      @Injectable()
      class Slow {
        @IntegrationSubscriber(name, { consumerName: name, integration: ['default', 'billing'] })
        async handle(_event: DomainEvent, { integration }: SubscriberContext): Promise<void> {
          began.record(integration);
          if (integration === slow) await held;
          events.push(`${integration} handled`);
        }
      }
      // Longer than the test would wait.
      const patient = { shutdownTimeoutMs: 300_000, settings: { ...FAST, handlerTimeoutMs: 300_000 } };
      const app = await boot([forShop(patient), forBilling(patient)], [Slow]);
      const other = slow === 'billing' ? shop : billing;
      const publisher = app.get<DomainEventPublisher>(getIntegrationToken(DomainEventPublisher, slow));
      await publisher.publishEvent(event(name));
      await began.first(1);
      const isOwned = async () => {
        const { rows } = await other.pool.query<{ owned: boolean }>(
          'SELECT lease_owner IS NOT NULL AS owned FROM integration.inbox_cursor WHERE consumer_name = $1',
          [name],
        );
        return rows[0]?.owned;
      };
      await until('the other one works on it', isOwned);
      const closing = app.close().then(() => events.push('closed'));
      running.length = 0;
      // The other one has nothing to wait for: it gives its leases back while this one still works.
      await until('the other one has left', async () => (await isOwned()) === false);
      expect(events).toEqual([]);
      goOn();
      await closing;
      expect(events).toEqual([`${slow} handled`, 'closed']);
    },
  );
});

describe('a server that crashes', () => {
  let server: EmbeddedPostgres;
  let outage: Outage;

  beforeAll(async () => {
    server = await startEmbeddedPostgres();
  });
  afterAll(async () => {
    await outage.close();
    await server.stop();
  });

  it('leaves the other integration at its pace, and its own goes on once it is back', async () => {
    const database = await createIntegrationTestDatabase({ server });
    outage = await Outage.of(database.url);
    const prefix = newPrefix();
    const app = await boot(
      [
        forShop(),
        forBilling({ connectionString: outage.url, settings: { ...FAST, processingLeaseMs: 2_000 } }),
      ],
      [subscribers(prefix)],
    );
    const mine = app.get(IntegrationDeveloperApiService);
    const theirs = app.get<IntegrationDeveloperApiService>(ofBilling(IntegrationDeveloperApiService));
    await theirs.publishEvent(event(`${prefix}.a`, 'before'));
    await heard.first(2);

    await outage.refuse();
    await server.restart({ mode: 'immediate' });
    const times: number[] = [];
    for (let n = 0; n < 50; n++) {
      const startedAt = performance.now();
      await mine.publishEvent(event(`${prefix}.a`, `shop ${n}`));
      await heard.first(2 + 2 * (n + 1));
      times.push(performance.now() - startedAt);
    }
    expect(heard.all.filter(({ integration }) => integration === 'billing')).toHaveLength(2);
    // Far below the limits that a silent server has, and the polling interval; a busy machine keeps many of them waiting.
    expect(times.sort((a, b) => a - b)[10]).toBeLessThan(150);
    await expect(theirs.publishEvent(event(`${prefix}.a`, 'lost'))).rejects.toThrow();
    const health = app.get<IntegrationHealthIndicator>(
      getIntegrationToken(IntegrationHealthIndicator, 'billing'),
    );
    expect(await health.ready('billing')).toMatchObject({ billing: { status: 'down' } });
    expect(await app.get(IntegrationHealthIndicator).ready('shop')).toMatchObject({ shop: { status: 'up' } });

    await outage.end();
    await until('it publishes again', () =>
      theirs.publishEvent(event(`${prefix}.a`, 'after')).then(
        () => true,
        () => false,
      ),
    );
    await heard.find(({ by, id }) => by === 'billing' && id === 'after');
    await heard.find(
      ({ by, id, integration }) => by === 'both' && id === 'after' && integration === 'billing',
    );
    await app.close();
    running.length = 0;
    await database.drop();
  });
});
