import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Global,
  type INestApplicationContext,
  Injectable,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ModuleRef, NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { ConsumerWorkers } from '../../src/delivery/consumer-workers.js';
import {
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  OutboxPollingCoordinator,
  OutboxProcessor,
} from '../../src/index.js';
import { startApp } from '../support/app.js';
import { type Gate, gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
/** What happened, in order. */
let said: string[] = [];
let hold: Gate | undefined;
let app: INestApplicationContext | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  hold?.open();
  await app?.close();
  app = undefined;
});
afterAll(() => database.drop());

/** What the polling does at the moment; `stopped` before delivery begins. */
function deliveryOf(modules: ModuleRef): string {
  return modules.get(OutboxPollingCoordinator, { strict: false }).state.mode;
}

/** A provider that says when Nest calls its hooks; `name` is its class's too. */
function provider(name: string): Type {
  @Injectable()
  class Provider implements OnApplicationBootstrap, OnModuleDestroy {
    constructor(private readonly modules: ModuleRef) {}

    async onApplicationBootstrap(): Promise<void> {
      // Hooks of one level run beside each other: whatever comes too early has many turns to do so.
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      said.push(`${name} is ready, delivery is ${deliveryOf(this.modules)}`);
    }

    onModuleDestroy(): void {
      said.push(`${name} closes`);
    }
  }
  return Provider;
}

@Injectable()
class Subscriber {
  @IntegrationSubscriber({ eventName: 'thing.happened', consumerName: 'hook-order' })
  async onThing(): Promise<void> {
    said.push('handler begins');
    await hold?.opened;
    said.push('handler ends');
  }
}

@Module({ providers: [provider('imported')] })
class ImportedModule {}

@Global()
@Module({ providers: [provider('global')] })
class GlobalModule {}

@Module({ imports: [ImportedModule], providers: [provider('feature'), Subscriber] })
class FeatureModule {}

/** An application whose modules stand in one of the orders that decide when Nest calls their hooks. */
function rootModule(order: 'integration first' | 'integration last' | 'integration deep'): Type {
  const integration = IntegrationModule.forRoot({
    connectionString: database.url,
    settings: { pollingIntervalMs: 200, idlePollingIntervalMs: 400 },
  });
  @Module({ imports: [integration] })
  class DeepModule {}
  const imports = {
    'integration first': [integration, GlobalModule, FeatureModule],
    'integration last': [GlobalModule, FeatureModule, integration],
    'integration deep': [FeatureModule, DeepModule, GlobalModule],
  }[order];

  @Module({ imports, providers: [provider('root')] })
  class RootModule implements OnApplicationBootstrap, OnModuleDestroy {
    constructor(private readonly modules: ModuleRef) {}

    onApplicationBootstrap(): void {
      said.push(`application is ready, delivery is ${deliveryOf(this.modules)}`);
    }

    onModuleDestroy(): void {
      said.push('application closes');
    }
  }
  return RootModule;
}

async function boot(root: Type): Promise<INestApplicationContext> {
  if (!process.env.TEST_LOG) Logger.overrideLogger(false);
  app = await NestFactory.createApplicationContext(root, { abortOnError: false });
  return app;
}

const NAMES = ['imported', 'global', 'feature', 'root', 'application'];

describe.each(['integration first', 'integration last', 'integration deep'] as const)('with %s', (order) => {
  it('no handler begins before every module is ready, and all have ended before one is destroyed', async () => {
    const publisher = await startApp(database, [], { role: 'publisher' });
    await publisher.api.publishEvent({
      eventName: 'thing.happened',
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId: order,
    });
    await publisher.close();
    said = [];
    hold = gate();

    await boot(rootModule(order));
    await until('the handler runs', async () => said.includes('handler begins'));
    const ready = NAMES.map((name) => `${name} is ready, delivery is stopped`);
    expect(said.slice(0, -1).sort()).toEqual(ready.sort());
    expect(said.at(-1)).toBe('handler begins');

    said = [];
    const workers = app?.get(ConsumerWorkers, { strict: false });
    const closing = app?.close();
    await until('it closes', async () => workers?.active.length === 0);
    hold?.open();
    await closing;
    expect(said[0]).toBe('handler ends');
    expect(said.slice(1).sort()).toEqual(NAMES.map((name) => `${name} closes`).sort());
  });
});

describe('a consumer that starts with what is new', () => {
  it.each([
    [false, ['ready', 'handled']],
    [true, ['handled', 'ready']],
  ])(
    'handles what a module published in its onApplicationBootstrap, drained there: %s',
    async (drains, order) => {
      said = [];
      @Injectable()
      class Announcing implements OnApplicationBootstrap {
        constructor(
          private readonly api: IntegrationDeveloperApiService,
          private readonly processor: OutboxProcessor,
        ) {}

        async onApplicationBootstrap(): Promise<void> {
          await this.api.publishEvent('app.ready', 'test', 'app', 'a1', {});
          if (drains) await this.processor.drain();
          said.push('ready');
        }

        @IntegrationSubscriber({
          eventName: 'app.ready',
          consumerName: `announced ${drains}`,
          startFrom: 'latest',
        })
        async onReady(): Promise<void> {
          said.push('handled');
        }
      }
      @Module({
        imports: [IntegrationModule.forRoot({ connectionString: database.url })],
        providers: [Announcing],
      })
      class RootModule {}
      const context = await boot(RootModule);
      await context.get(OutboxProcessor).drain();
      expect(said).toEqual(order);
    },
  );
});

describe('a microservice', () => {
  it('whose init() calls the hooks twice boots, delivers once and closes', async () => {
    said = [];
    @Injectable()
    class Twice implements OnModuleInit {
      constructor(private readonly registry: EventSubscriberRegistry) {}

      onModuleInit(): void {
        said.push('hook');
        for (const consumerName of ['called 1', 'called 2'])
          this.registry.registerHandler({
            eventName: 'thing.counted',
            consumerName,
            handler: async () => {
              said.push(consumerName);
            },
          });
      }

      @IntegrationSubscriber({ eventName: 'thing.counted', consumerName: 'decorated' })
      async onThing(): Promise<void> {
        said.push('decorated');
      }
    }
    @Module({
      imports: [IntegrationModule.forRoot({ connectionString: database.url })],
      providers: [Twice],
    })
    class RootModule {}
    const service = await NestFactory.createMicroservice(RootModule, {
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: 0 },
      abortOnError: false,
    });
    app = service;
    await service.init();
    // As Nest has it; should it call them once some day, this test says nothing any more.
    expect(said).toEqual(['hook', 'hook']);

    await service
      .get(IntegrationDeveloperApiService)
      .publishEvent('thing.counted', 'test', 'thing', 'a1', {});
    await service.get(OutboxProcessor).drain();
    expect(said.slice(2).sort()).toEqual(['called 1', 'called 2', 'decorated']);
    expect(() => service.get(Twice).onModuleInit()).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_SUBSCRIBER_DUPLICATE' }),
    );
  });

  it('fails where the repeated hook registers the same twice', () => {
    const registry = new EventSubscriberRegistry();
    const define = (eventName: string) =>
      registry.registerAt('here', { eventName, consumerName: 'c', handler: async () => {} });
    define('a');
    registry.repeatBegins();
    define('a');
    define('b');
    expect(() => define('a')).toThrow(expect.objectContaining({ code: 'INTEGRATION_SUBSCRIBER_DUPLICATE' }));
    registry.repeatEnds();
    expect(registry.consumer('c')?.eventNames).toEqual(['a', 'b']);
  });
});
