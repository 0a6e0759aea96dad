import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  type DynamicModule,
  type INestApplicationContext,
  Injectable,
  type InjectionToken,
  Module,
  type ModuleMetadata,
  type OnModuleDestroy,
  type OnModuleInit,
  type Provider,
  Scope,
} from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { Test, type TestingModule } from '@nestjs/testing';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  ConsumerService,
  DomainEventPublisher,
  EventSubscriberRegistry,
  InboxService,
  IntegrationDeveloperApiService,
  IntegrationError,
  IntegrationLinkService,
  IntegrationModule,
  type IntegrationModuleOptions,
  type IntegrationOptions,
  type IntegrationOptionsFactory,
  IntegrationSettingsService,
  IntegrationSubscriber,
  OutboxNotifier,
  OutboxPollingCoordinator,
  OutboxProcessor,
  OutboxProcessorJob,
  OutboxService,
} from '../../src/index.js';
import { BOOT_DEADLINE_MS } from '../../src/module/engine-boot.js';
import { PrismaClient } from '../generated/prisma/client.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
const running: INestApplicationContext[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
  jest.restoreAllMocks();
});
afterAll(() => database.drop());

describe('options', () => {
  it('are refused with every problem listed', async () => {
    const error = await failureOf(
      forRoot({
        connectionString: 'mysql://localhost/db',
        schema: 'Integration; DROP',
        pool: { max: 0 },
        migrations: 'always' as never,
        role: 'boss' as never,
        settings: { batchSize: 0, colour: 'red' } as never,
        maxConcurrency: 1.5,
        shutdownTimeoutMs: -1,
        watchdog: true as never,
        maxPayloadBytes: 0,
        telemetry: { spans: 1, handlerSpans: 'both', handlerSpanRatio: 2, metric: true } as never,
        client: {} as never,
        migration: 'run',
        clientToken: 'PRISMA',
        imports: [providing({ provide: 'PRISMA', useValue: {} })],
      } as IntegrationModuleOptions),
    );
    expect(error.code).toBe('INTEGRATION_OPTIONS_INVALID');
    expect(error.details.problems).toEqual([
      expect.stringContaining('client is not a client'),
      expect.stringContaining('must start with postgres:// or postgresql://'),
      expect.stringContaining('pool.max must be a whole number'),
      expect.stringContaining('schema "Integration; DROP" is not a valid name'),
      `migrations must be one of 'verify', 'run', 'off', not 'always'`,
      `role must be one of 'all', 'publisher', 'worker', not 'boss'`,
      expect.stringContaining('settings.colour is not a setting'),
      expect.stringContaining('settings.batchSize must'),
      expect.stringContaining('maxConcurrency must be a whole number'),
      expect.stringContaining('shutdownTimeoutMs must be a whole number'),
      `watchdog must be one of 'report', 'exit', 'off', not true`,
      expect.stringContaining('maxPayloadBytes must be a whole number'),
      'telemetry.spans must be true or false, not 1',
      'telemetry.handlerSpanRatio must be a number from 0 to 1, not 2',
      expect.stringContaining('telemetry.handlerSpans must be one of'),
      expect.stringContaining('telemetry.metric is not an option'),
      'client and clientToken exclude each other: give one',
      expect.stringContaining('migration is not an option; there are: clientToken, '),
    ]);
    for (const problem of error.details.problems as string[]) expect(error.message).toContain(problem);
  });

  it.each([
    'prisma://accelerate.example/?api_key=secret',
    'prisma+postgres://localhost:51213/?api_key=secret',
  ])('refuse %s and say why, without the key', async (connectionString) => {
    const error = await failureOf(forRoot({ connectionString }));
    expect(error.code).toBe('INTEGRATION_OPTIONS_INVALID');
    expect(error.message).toContain('names a proxy that speaks Prisma only');
    expect(error.message).not.toContain('secret');
  });

  it('are refused without any connection string, naming DATABASE_URL', async () => {
    await withEnvironment({ DATABASE_URL: undefined }, async () => {
      expect((await failureOf(IntegrationModule.forRoot())).message).toContain(
        'connectionString is missing: give it, or set DATABASE_URL',
      );
    });
  });

  it('take the connection string from the environment', async () => {
    await withEnvironment({ DATABASE_URL: database.url }, async () => {
      await boot([IntegrationModule.forRoot()]);
    });
  });

  it('refuse a value of the factory that is no object', async () => {
    const error = await failureOf(IntegrationModule.forRootAsync({ useFactory: () => undefined as never }));
    expect(error.message).toContain('the factory returned no object');
    const withToken = { useFactory: () => undefined as never, clientToken: 'PRISMA' };
    const clients = providing({ provide: 'PRISMA', useValue: {} });
    const other = await failureOf(IntegrationModule.forRootAsync({ ...withToken, imports: [clients] }));
    expect(other.message).toContain('the factory returned no object');
  });
});

describe('the host’s client', () => {
  it('is found by its token, and its hooks run once', async () => {
    const { PrismaModule, PrismaService, events } = prismaModule();
    const app = await boot([forRoot({ imports: [PrismaModule], clientToken: PrismaService }), PrismaModule]);
    await publishInTransaction(app);
    await stop(app);
    expect(events).toEqual(['connect', 'disconnect']);
  });

  it('may be given by value, and its hooks are not run', async () => {
    const { PrismaService, events } = prismaModule();
    const client = new PrismaService();
    const app = await boot([forRoot({ client })]);
    await publishInTransaction(app);
    await stop(app);
    await client.$disconnect();
    expect(events).toEqual([]);
  });

  it('may be left out: the engine’s own connections serve', async () => {
    const app = await boot([forRoot()]);
    const { outboxEventId } = await publishInTransaction(app);
    expect(await app.get(OutboxService).findById(outboxEventId)).toMatchObject({
      eventName: 'invoice.created',
    });
  });

  it('is refused where the token names something else', async () => {
    const error = await failureOf(
      forRoot({ clientToken: 'CLIENT', imports: [providing({ provide: 'CLIENT', useValue: {} })] }),
    );
    expect(error.code).toBe('INTEGRATION_CLIENT_INVALID');
  });

  describe.each([
    ['clientToken', (token: InjectionToken) => ({ clientToken: token })],
    [
      'the options’ factory',
      (token: InjectionToken) => ({
        useFactory: () => ({ connectionString: database.url, clientToken: token }),
      }),
    ],
  ])('named by %s', (_by, given) => {
    const named = (...providers: Provider[]) => {
      class ClientModule {}
      const module = { module: ClientModule, providers, exports: ['CLIENT'] };
      const options = { imports: [module], ...given('CLIENT') };
      return 'useFactory' in options ? IntegrationModule.forRootAsync(options) : forRoot(options);
    };
    const client = { provide: 'CLIENT', useFactory: () => database.prisma() };

    it('is refused where it is request-scoped', async () => {
      const error = await failureOf(named({ ...client, scope: Scope.REQUEST }));
      expect(error.code).toBe('INTEGRATION_CLIENT_INVALID');
      expect(error.message).toMatch(
        /\(CLIENT\) is (created again for each request\.|request-scoped or transient)/,
      );
      expect(error.message).toContain('default scope');
    });

    it('is refused where it is durable', async () => {
      const error = await failureOf(named({ ...client, scope: Scope.REQUEST, durable: true }));
      expect(error.code).toBe('INTEGRATION_CLIENT_INVALID');
      expect(error.message).toMatch(
        /created again for each tenant \(it is durable\)\.|request-scoped or transient/,
      );
    });

    it.each([Scope.DEFAULT, Scope.TRANSIENT])(
      'is refused where something that it depends on is, its own scope being %s',
      async (scope) => {
        const tenant = { provide: 'TENANT', useFactory: () => 'acme', scope: Scope.REQUEST };
        const names = { provide: 'NAMES', useFactory: () => 'names', inject: ['TENANT'] };
        const error = await failureOf(named(tenant, names, { ...client, inject: ['NAMES'], scope }));
        expect(error.code).toBe('INTEGRATION_CLIENT_INVALID');
        expect(error.message).toMatch(/because it depends on NAMES → TENANT|or depends on such a provider/);
      },
    );
  });

  it('may be transient: the engine has an instance of its own', async () => {
    const clients: PrismaClient[] = [];
    const provider = {
      provide: 'CLIENT',
      scope: Scope.TRANSIENT,
      useFactory: () => {
        const client = database.prisma();
        clients.push(client);
        return client;
      },
    };
    const app = await boot([forRoot({ clientToken: 'CLIENT', imports: [providing(provider)] })]);
    await publishInTransaction(app);
    expect(clients.length).toBeGreaterThan(0);
  });

  it.each(['before', 'after'])('is still connected while the engine stops, imported %s it', async (order) => {
    const { PrismaModule, PrismaService, events } = prismaModule();
    const integration = forRoot({ imports: [PrismaModule], clientToken: PrismaService });
    const app = await boot(order === 'before' ? [PrismaModule, integration] : [integration, PrismaModule]);
    let started = () => {};
    const running = new Promise<void>((resolve) => {
      started = resolve;
    });
    const api = app.get(IntegrationDeveloperApiService);
    api.subscribe({
      eventName: 'invoice.created',
      consumerName: `slow ${order}`,
      transactional: true,
      startFrom: 'latest',
      handler: async (_event, { transaction }) => {
        started();
        await new Promise((resolve) => setTimeout(resolve, 200));
        await transaction.$queryRawUnsafe('SELECT 1');
        events.push('handled');
      },
    });
    await untilRegistered(`slow ${order}`);
    await publishInTransaction(app);
    await running;
    await stop(app);
    expect(events).toEqual(['connect', 'handled', 'disconnect']);
  });
});

describe('forRootAsync', () => {
  it('takes a factory, what it injects, and a token', async () => {
    const { PrismaModule, PrismaService, events } = prismaModule();
    const app = await boot([
      IntegrationModule.forRootAsync({
        imports: [PrismaModule, providing({ provide: 'URL', useFactory: async () => database.url })],
        clientToken: PrismaService,
        inject: ['URL', { token: 'ABSENT', optional: true }],
        useFactory: (connectionString: string, absent?: unknown) => {
          expect(absent).toBeUndefined();
          return { connectionString };
        },
      }),
    ]);
    await publishInTransaction(app);
    expect(events).toEqual(['connect']);
  });

  it('takes a token that the factory gives', async () => {
    const { PrismaModule, PrismaService } = prismaModule();
    const app = await boot([
      IntegrationModule.forRootAsync({
        imports: [PrismaModule],
        useFactory: async () => ({ connectionString: database.url, clientToken: PrismaService }),
      }),
    ]);
    await app.get(IntegrationDeveloperApiService).transaction(async (tx) => {
      expect(tx).toHaveProperty('invoice.create');
    });
  });

  it('takes a class, made by it or existing', async () => {
    @Injectable()
    class Factory implements IntegrationOptionsFactory {
      create(): IntegrationOptions {
        return { connectionString: database.url, settings: { batchSize: 77 } };
      }
    }
    for (const asyncOptions of [
      { useClass: Factory },
      { useExisting: Factory, imports: [providing(Factory)] },
    ]) {
      const app = await boot([IntegrationModule.forRootAsync(asyncOptions)]);
      expect(app.get(IntegrationSettingsService).get('batchSize')).toBe(77);
      await stop(app);
    }
  });

  it('refuses to inject what is made anew for each request', async () => {
    const provider = { provide: 'URL', useFactory: () => database.url, scope: Scope.REQUEST };
    const error = await failureOf(
      IntegrationModule.forRootAsync({
        imports: [providing(provider)],
        inject: ['URL'],
        useFactory: (connectionString: string) => ({ connectionString }),
      }),
    );
    expect(error.code).toBe('INTEGRATION_OPTIONS_INVALID');
    expect(error.message).toContain('what forRootAsync injects is created again for each request: URL');
  });

  it('says what it needs where nothing makes the options', () => {
    expect(() => IntegrationModule.forRootAsync({})).toThrow('one of useFactory, useClass and useExisting');
  });
});

describe('a host on @nestjs/config', () => {
  const configuration = () => ({ DATABASE_URL: database.url, integration: { outbox: { batchSize: 42 } } });

  it.each([
    ['global', (config: DynamicModule) => [config]],
    ['imported by a feature alone', (config: DynamicModule) => [wrapping(config)]],
  ])('needs nothing but clientToken: ConfigModule %s', async (name, place) => {
    const { PrismaModule, PrismaService } = prismaModule();
    const config = await ConfigModule.forRoot({
      ignoreEnvFile: true,
      isGlobal: name === 'global',
      load: [async () => configuration()],
    });
    await withEnvironment({ DATABASE_URL: undefined }, async () => {
      const app = await boot([
        IntegrationModule.forRoot({ imports: [PrismaModule], clientToken: PrismaService }),
        ...place(config),
      ]);
      await publishInTransaction(app);
      expect(app.get(IntegrationSettingsService).get('batchSize')).toBe(42);
    });
  });

  it('may still say in code where the database is', async () => {
    const config = await ConfigModule.forRoot({
      ignoreEnvFile: true,
      load: [() => ({ DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' })],
    });
    await boot([config, forRoot()]);
  });
});

describe('the boot', () => {
  it('fails where forRoot is called twice', async () => {
    @Module({ imports: [forRoot()] })
    class Feature {}
    const error = await failureOf(forRoot(), Feature);
    expect(error.code).toBe('INTEGRATION_ALREADY_REGISTERED');
    expect(error.message).toContain('2 times');
  });

  it('takes one module that is imported in several places', async () => {
    const integration = forRoot({ isGlobal: false });
    @Injectable()
    class Needing {
      constructor(readonly api: IntegrationDeveloperApiService) {}
    }
    const [left, right] = [0, 1].map(() => ({ ...wrapping(integration), providers: [Needing] }));
    await boot([integration, left as DynamicModule, right as DynamicModule]);
  });

  it('offers every service to every module', async () => {
    @Injectable()
    class Feature {
      constructor(
        readonly facade: IntegrationDeveloperApiService,
        readonly publisher: DomainEventPublisher,
        readonly outbox: OutboxService,
        readonly processor: OutboxProcessor,
        readonly notifier: OutboxNotifier,
        readonly coordinator: OutboxPollingCoordinator,
        readonly job: OutboxProcessorJob,
        readonly registry: EventSubscriberRegistry,
        readonly inbox: InboxService,
        readonly consumers: ConsumerService,
        readonly links: IntegrationLinkService,
        readonly settings: IntegrationSettingsService,
      ) {}
    }
    const app = await boot([forRoot(), providing(Feature)]);
    expect(app.get(Feature).settings).toBe(app.get(IntegrationSettingsService));
  });

  it('hides the services from other modules with isGlobal: false', async () => {
    @Injectable()
    class Needing {
      constructor(readonly api: IntegrationDeveloperApiService) {}
    }
    await expect(boot([forRoot({ isGlobal: false }), providing(Needing)])).rejects.toThrow(
      'IntegrationDeveloperApiService',
    );
  });

  it('fails, saying what it tried, where the database cannot be reached', async () => {
    const error = await failureOf(forRoot({ connectionString: 'postgresql://me:secret@127.0.0.1:1/none' }));
    expect(error.code).toBe('INTEGRATION_DATABASE_UNREACHABLE');
    expect(error.message).toContain('127.0.0.1:1/none');
    expect(error.message).not.toContain('secret');
  });

  it('names the command where the schema is missing, and runs the migrations where asked to', async () => {
    const empty = await createTestDatabase({ migrated: false });
    try {
      const error = await failureOf(forRoot({ connectionString: empty.url }));
      expect(error.code).toBe('INTEGRATION_SCHEMA_MISSING');
      expect(error.message).toContain('npx nestjs-integration migrate');
      const app = await boot([
        forRoot({ connectionString: empty.url, migrations: 'run', schema: 'another' }),
      ]);
      await publishInTransaction(app);
      await stop(app);
      const { rows } = await empty.pool.query('SELECT count(*)::int AS events FROM another.outbox_event');
      expect(rows).toEqual([{ events: 1 }]);
    } finally {
      await empty.drop();
    }
  });

  it('leaves no connection behind where consumers cannot be registered', async () => {
    const behind = await createTestDatabase();
    try {
      await behind.pool.query(
        `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ('x', '{*}', '{[1000,)}')`,
      );
      @Injectable()
      class Feature {
        @IntegrationSubscriber({ eventName: 'invoice.*', consumerName: 'x' })
        async onInvoice(): Promise<void> {}
      }
      const error = await failureOf(forRoot({ connectionString: behind.url }), providing(Feature));
      expect(error.code).toBe('INTEGRATION_SEQUENCE_BEHIND');
      // A session is seen for a moment after it was closed.
      await until('no connection is left', async () => {
        const { rowCount } = await behind.pool.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
        return rowCount === 0;
      });
    } finally {
      await behind.drop();
    }
  });

  it('registers decorated methods and calls in onModuleInit alike', async () => {
    @Injectable()
    class Feature implements OnModuleInit {
      constructor(private readonly api: IntegrationDeveloperApiService) {}

      onModuleInit(): void {
        this.api.subscribeMany([
          { eventName: 'a', consumerName: 'feature', handler: async () => {} },
          { eventName: 'b', consumerName: 'feature', handler: async () => {} },
        ]);
      }

      @IntegrationSubscriber({ eventName: 'c', consumerName: 'feature' })
      async onC(): Promise<void> {}
    }
    const app = await boot([forRoot(), providing(Feature)]);
    const subscriptions = app.get(EventSubscriberRegistry).consumer('feature')?.subscriptions;
    expect(subscriptions?.map(({ place }) => place).sort()).toEqual([
      expect.stringMatching(/module\.spec\.ts:\d+$/),
      expect.stringMatching(/module\.spec\.ts:\d+$/),
      expect.stringContaining('Feature.onC'),
    ]);
    await untilRegistered('feature');
  });

  it.each([
    ['publisher', 0],
    ['all', 1],
  ] as const)('opens, as %s, %d connections that listen', async (role, connections) => {
    await boot([forRoot({ role })]);
    // That of an application before is seen for a moment after it was closed.
    await until(`${connections} connections listen`, async () => {
      const { rowCount } = await database.pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'nestjs-integration listen'`,
      );
      return rowCount === connections;
    });
  });

  it('can be followed by a close where a later step of it failed, which leaves nothing open', async () => {
    @Injectable()
    class Failing implements OnModuleInit {
      constructor(readonly api: IntegrationDeveloperApiService) {}

      onModuleInit(): void {
        throw new Error('not today');
      }
    }
    await expect(boot([forRoot(), providing(Failing)])).rejects.toThrow('not today');
  });
});

function forRoot(options: IntegrationModuleOptions = {}): DynamicModule {
  return IntegrationModule.forRoot({ connectionString: database.url, ...options });
}

/** A module as a host would write it; says when it connects and disconnects. */
function prismaModule() {
  const events: string[] = [];
  @Injectable()
  class PrismaService extends PrismaClient implements OnModuleInit, OnModuleDestroy {
    constructor() {
      super({ adapter: new PrismaPg({ connectionString: database.url }) });
    }

    async onModuleInit(): Promise<void> {
      await this.$connect();
      events.push('connect');
    }

    async onModuleDestroy(): Promise<void> {
      events.push('disconnect');
      await this.$disconnect();
    }
  }
  @Module({ providers: [PrismaService], exports: [PrismaService] })
  class PrismaModule {}
  return { PrismaModule, PrismaService, events };
}

function providing(provider: Provider): DynamicModule {
  class ProvidingModule {}
  const token = typeof provider === 'function' ? provider : provider.provide;
  return { module: ProvidingModule, providers: [provider], exports: [token] };
}

function wrapping(module: DynamicModule): DynamicModule {
  class WrappingModule {}
  return { module: WrappingModule, imports: [module] };
}

async function boot(imports: NonNullable<ModuleMetadata['imports']>): Promise<TestingModule> {
  const module = await Test.createTestingModule({ imports })
    .overrideProvider(BOOT_DEADLINE_MS)
    .useValue(300)
    .compile();
  running.push(module);
  return module.init();
}

async function stop(app: INestApplicationContext): Promise<void> {
  running.splice(running.indexOf(app), 1);
  await app.close();
}

async function failureOf(...imports: NonNullable<ModuleMetadata['imports']>): Promise<IntegrationError> {
  const error: unknown = await boot(imports).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof IntegrationError) return error;
  throw error ?? new Error('it booted');
}

async function publishInTransaction(app: INestApplicationContext) {
  const api = app.get(IntegrationDeveloperApiService);
  return api.transaction((tx) =>
    api.publishEvent('invoice.created', 'finance', 'invoice', '7', {}, { persistenceClient: tx }),
  );
}

async function untilRegistered(consumerName: string): Promise<void> {
  for (;;) {
    const { rowCount } = await database.pool.query(
      'SELECT 1 FROM integration.inbox_cursor WHERE consumer_name = $1',
      [consumerName],
    );
    if (rowCount) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function withEnvironment(
  changes: Record<string, string | undefined>,
  run: () => Promise<void>,
): Promise<void> {
  const before = { ...process.env };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  try {
    await run();
  } finally {
    process.env = before;
  }
}
