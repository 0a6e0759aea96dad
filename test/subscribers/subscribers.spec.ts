import { afterEach, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, Module, type OnModuleInit, type Provider, Scope } from '@nestjs/common';
import { DiscoveryModule, REQUEST } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  type DomainEvent,
  EventSubscriberRegistry,
  IntegrationError,
  IntegrationSubscriber,
  type SubscriberContext,
  type SubscriberDefinition,
} from '../../src/index.js';
import type { Subscription } from '../../src/subscribers/consumer.js';
import { ENGINE_NAMES, type EngineNames } from '../../src/subscribers/engine-names.js';
import { SubscriberExplorer } from '../../src/subscribers/subscriber-explorer.js';

const event = { eventName: 'invoice.created', aggregateId: '7' } as DomainEvent;
const context = { attempt: 1 } as SubscriberContext;

const NAMES: EngineNames = { own: 'default', all: ['default'] };
const ONE_ENGINE = { provide: ENGINE_NAMES, useValue: NAMES };

describe('the registry', () => {
  it('gives the handlers of an event by priority, then by consumer name', () => {
    const registry = registryOf(
      { consumerName: 'late', priority: -1 },
      { consumerName: 'b' },
      { consumerName: 'a' },
      { consumerName: 'first', priority: 10 },
      { consumerName: 'other', eventName: 'payment.created' },
    );
    const names = registry.getHandlers('invoice.created').map(({ consumerName }) => consumerName);
    expect(names).toEqual(['first', 'a', 'b', 'late']);
    expect(registry.consumers().map(({ name }) => name)).toEqual(['first', 'a', 'b', 'other', 'late']);
  });

  it('tells what is handled, and forgets it when cleared', () => {
    const registry = registryOf(
      { consumerName: 'a', eventName: ['b', 'a'] },
      { consumerName: 'c', eventName: 'a' },
      { consumerName: 'c', eventName: 'github.*' },
    );
    expect(registry.getEventNames()).toEqual(['a', 'b', 'github.*']);
    expect(registry.getHandlerCount()).toBe(3);
    expect([registry.hasHandlers('github.push'), registry.hasHandlers('gitlab.push')]).toEqual([true, false]);
    registry.clear();
    expect([registry.getHandlerCount(), registry.getEventNames(), registry.hasHandlers('a')]).toEqual([
      0,
      [],
      false,
    ]);
  });

  it('matches a name exactly first, then by its longest pattern', () => {
    const registry = registryOf(
      ...['*', 'github.*', 'github.pull_request.*', 'github.pull_request.opened'].map((eventName) => ({
        eventName,
      })),
    );
    const matched = (name: string) => registry.consumer('consumer')?.match(name)?.eventNames[0];
    expect(matched('github.pull_request.opened')).toBe('github.pull_request.opened');
    expect(matched('github.pull_request.closed')).toBe('github.pull_request.*');
    expect(matched('github.push')).toBe('github.*');
    expect(matched('github')).toBe('*');
    expect(matched('constructor')).toBe('*');
  });

  it('puts together what the definitions say of their consumer, and what none says is the default', () => {
    const registry = registryOf(
      { eventName: 'a', concurrency: 3, priority: 1 },
      { eventName: 'b', ordered: false, priority: 5 },
    );
    expect(registry.consumer('consumer')).toMatchObject({
      concurrency: 3,
      ordered: false,
      batch: undefined,
      partitions: 1,
      startFrom: 'recent',
      priority: 5,
      eventNames: ['a', 'b'],
    });
    expect(registryOf({}).consumer('consumer')).toMatchObject({ concurrency: 10, ordered: true });
  });

  it('tells of each definition that is added', () => {
    const registry = new EventSubscriberRegistry();
    const added: Subscription[] = [];
    registry.registrations$.subscribe((subscription) => added.push(subscription));
    register(registry, { consumerName: 'late' });
    expect(added).toMatchObject([{ consumerName: 'late', eventNames: ['invoice.created'] }]);
  });

  it('refuses the same consumer and event name twice, naming both places', () => {
    const registry = registryOf({ eventName: ['a', 'b'] });
    const error = errorOf(() => registry.registerHandler({ ...definition({}), eventName: 'b' }));
    expect(error.code).toBe('INTEGRATION_SUBSCRIBER_DUPLICATE');
    expect(error.message).toMatch(
      /"consumer" handles "b" twice: at \S*subscribers\.spec\.ts:\d+ and at \S*subscribers\.spec\.ts:\d+/,
    );
    expect(errorOf(() => registryOf({ eventName: ['c', 'c'] })).code).toBe(
      'INTEGRATION_SUBSCRIBER_DUPLICATE',
    );
  });

  it.each<[string, Wanted, Wanted]>([
    ['concurrency', { concurrency: 1 }, { concurrency: 2 }],
    ['ordered', { ordered: true }, { ordered: false }],
    ['partitions', { partitions: 1 }, { partitions: 8 }],
    ['startFrom', { startFrom: 'latest' }, { startFrom: new Date(0) }],
    ['batch', { batch: { maxSize: 10 } }, { batch: { maxSize: 20 } }],
    ['batch', { batch: { maxSize: 10 } }, {}],
    ['batch', {}, { batch: { maxSize: 10 } }],
  ])(
    'refuses definitions of one consumer that disagree on %s, naming both places',
    (option, first, second) => {
      const error = errorOf(() => registryOf({ eventName: 'a', ...first }, { eventName: 'b', ...second }));
      expect(error.code).toBe('INTEGRATION_SUBSCRIBER_CONFLICT');
      expect(error.message).toContain(`disagree on ${option}:`);
      expect(error.details.places).toEqual([
        expect.stringContaining('spec.ts:'),
        expect.stringContaining('spec.ts:'),
      ]);
    },
  );

  it('finds that definitions agree where one leaves an option out, or says the same in other words', () => {
    const same = new Date(5);
    registryOf({ eventName: 'a', concurrency: 4 }, { eventName: 'b' }, { eventName: 'c', concurrency: 4 });
    registryOf({ eventName: 'a', startFrom: same }, { eventName: 'b', startFrom: new Date(5) });
    registryOf(
      { eventName: 'a', batch: { maxSize: 5 }, ordered: true },
      { eventName: 'b', batch: { maxSize: 5, maxWaitMs: 0 } },
    );
  });

  it('leaves out a definition that it refuses', () => {
    const registry = registryOf({ eventName: 'a', concurrency: 1 });
    errorOf(() => register(registry, { eventName: 'b', concurrency: 2 }));
    expect(registry.getEventNames()).toEqual(['a']);
  });

  it.each<[string, Record<string, unknown>]>([
    ['consumerName is missing', { consumerName: undefined }],
    ['consumerName is empty', { consumerName: ' ' }],
    ['consumerName has 128 characters, at most 127', { consumerName: 'x'.repeat(128) }],
    ['consumerName must be a string, not number', { consumerName: 5 }],
    ['contains a control character', { consumerName: 'a\u0000' }],
    ['contains a control character', { eventName: 'a\tb' }],
    ['contains a lone surrogate', { consumerName: '\ud800' }],
    ['eventName is missing', { eventName: undefined }],
    ['eventName is empty', { eventName: '' }],
    ['eventName is an empty list', { eventName: [] }],
    ['eventName has 256 characters, at most 255', { eventName: 'x'.repeat(256) }],
    ['eventName "a.*.b" has a * before its end', { eventName: ['a', 'a.*.b'] }],
    ['eventName "**" has a * before its end', { eventName: '**' }],
    ['handler must be a function, not undefined', { handler: undefined }],
    ['handler must be a function, not string', { handler: 'onInvoice' }],
    ['transactional must be true or false', { transactional: 'yes' }],
    ['timeoutMs must be a whole number from 100', { timeoutMs: 99 }],
    ['priority must be a whole number', { priority: 0.5 }],
    [`payload must be 'json' or 'text'`, { payload: 'string' }],
    ['concurrency must be a whole number, at least 1', { concurrency: 0 }],
    ['ordered must be true or false', { ordered: null }],
    ['partitions must be a whole number from 1 to 1024', { partitions: 1025 }],
    ['batch must be an object', { batch: 10 }],
    ['batch.maxSize is missing', { batch: {} }],
    ['batch.maxSize must be a whole number from 1 to 5000', { batch: { maxSize: 5001 } }],
    ['batch.maxWaitMs must be a whole number from 0 to 60000', { batch: { maxSize: 1, maxWaitMs: 60_001 } }],
    ["startFrom must be 'recent', 'earliest', 'latest' or a valid Date", { startFrom: 'yesterday' }],
    ["startFrom must be 'recent', 'earliest', 'latest' or a valid Date", { startFrom: new Date('x') }],
    ['retry must be an object', { retry: 3 }],
    ['retry.maxAttempts must be a whole number from 1 to 100', { retry: { maxAttempts: 101 } }],
    ['retry.baseDelayMs must be a whole number, at least 100', { retry: { baseDelayMs: 99 } }],
    [
      'retry.maxDelayMs must be a whole number, at least 5000',
      { retry: { baseDelayMs: 5000, maxDelayMs: 4999 } },
    ],
  ])('refuses a definition and says why: %s', (reason, wrong) => {
    const error = errorOf(() => registryOf(wrong as Wanted));
    expect(error.code).toBe('INTEGRATION_SUBSCRIBER_INVALID');
    expect(error.message).toContain(reason);
    expect(error.message).toContain('subscribers.spec.ts:');
  });

  it('lists every problem of a definition at once', () => {
    const error = errorOf(() =>
      registryOf({ consumerName: '', eventName: [], concurrency: 0, timeoutMs: 1 }),
    );
    expect(error.details.problems).toHaveLength(4);
  });

  it('takes the widest values that are allowed', () => {
    registryOf({
      consumerName: 'x'.repeat(127),
      eventName: `${'x'.repeat(254)}*`,
      partitions: 1024,
      batch: { maxSize: 5000, maxWaitMs: 60_000 },
      timeoutMs: 100,
      retry: { maxAttempts: 100, baseDelayMs: 100, maxDelayMs: 100 },
    });
  });
});

describe('@IntegrationSubscriber', () => {
  let module: TestingModule | undefined;
  afterEach(() => module?.close());

  async function explore(...providers: Provider[]): Promise<EventSubscriberRegistry> {
    module = await Test.createTestingModule({
      imports: [DiscoveryModule],
      providers: [EventSubscriberRegistry, SubscriberExplorer, ONE_ENGINE, ...providers],
    }).compile();
    await module.init();
    module.get(SubscriberExplorer).explore();
    return module.get(EventSubscriberRegistry);
  }

  const handle = (registry: EventSubscriberRegistry, consumerName: string) =>
    registry.consumer(consumerName)?.match('invoice.created')?.handler(event, context);

  it('makes methods handlers, with the instance as this', async () => {
    @Injectable()
    class Operations {
      readonly handled: unknown[] = [];

      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'operations' })
      async onInvoice(...args: unknown[]): Promise<void> {
        this.handled.push(...args);
      }
    }
    const registry = await explore(Operations);
    await handle(registry, 'operations');
    expect(module?.get(Operations).handled).toEqual([event, context]);
    expect(registry.consumer('operations')?.subscriptions[0]?.place).toBe(
      'Operations.onInvoice (RootTestModule)',
    );
  });

  it('takes several on one method, each with its own options', async () => {
    @Injectable()
    class Operations {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'a', priority: 3 })
      @IntegrationSubscriber({ eventName: 'invoice.paid', consumerName: 'a', transactional: true })
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'b', retry: { maxAttempts: 7 } })
      async onInvoice(): Promise<void> {}
    }
    const registry = await explore(Operations);
    expect(registry.consumer('a')?.subscriptions).toMatchObject([
      { eventNames: ['invoice.created'], priority: 3, transactional: false },
      { eventNames: ['invoice.paid'], priority: 0, transactional: true },
    ]);
    expect(registry.consumer('b')?.subscriptions).toMatchObject([{ retry: { maxAttempts: 7 } }]);
  });

  it('takes the name, or a list of names, before its options', async () => {
    @Injectable()
    class Operations {
      @IntegrationSubscriber('invoice.created', { consumerName: 'a', priority: 3 })
      @IntegrationSubscriber(['invoice.created', 'invoice.paid'], { consumerName: 'b' })
      async onInvoice(): Promise<void> {}

      @IntegrationSubscriber('invoice.*', { consumerName: 'c', batch: { maxSize: 5 } })
      async onMany(events: DomainEvent[]): Promise<void> {
        expect(events).toHaveLength(1);
      }
    }
    const registry = await explore(Operations);
    expect(registry.consumer('a')?.subscriptions).toMatchObject([
      { eventNames: ['invoice.created'], priority: 3 },
    ]);
    expect(registry.consumer('b')?.eventNames).toEqual(['invoice.created', 'invoice.paid']);
    expect(registry.consumer('c')).toMatchObject({ eventNames: ['invoice.*'], batch: { maxSize: 5 } });
  });

  it('makes a request-scoped provider anew for each event, which is its REQUEST', async () => {
    const made: unknown[] = [];
    @Injectable()
    class Dependency {
      readonly greeting = 'hello';
    }
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      constructor(
        @Inject(REQUEST) readonly request: unknown,
        readonly dependency: Dependency,
      ) {}

      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'scoped' })
      async onInvoice(given: DomainEvent): Promise<void> {
        made.push([this, this.request === given, this.dependency.greeting]);
      }
    }
    const registry = await explore(Dependency, Scoped);
    await handle(registry, 'scoped');
    await handle(registry, 'scoped');
    expect(made).toEqual([
      [expect.any(Scoped), true, 'hello'],
      [expect.any(Scoped), true, 'hello'],
    ]);
    expect((made[0] as unknown[])[0]).not.toBe((made[1] as unknown[])[0]);
  });

  it('makes a provider anew that depends on a request-scoped one', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Current {
      constructor(@Inject(REQUEST) readonly request: DomainEvent) {}
    }
    const seen: string[] = [];
    @Injectable()
    class Dependent {
      constructor(readonly current: Current) {}

      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'dependent' })
      async onInvoice(): Promise<void> {
        seen.push(this.current.request.aggregateId);
      }
    }
    await handle(await explore(Current, Dependent), 'dependent');
    expect(seen).toEqual(['7']);
  });

  it('makes a provider of its own module, where another one has the same token', async () => {
    const ran: string[] = [];
    @Injectable({ scope: Scope.REQUEST })
    class Here {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'here' })
      async here(): Promise<void> {
        ran.push('here');
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class There {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'there' })
      async there(): Promise<void> {
        ran.push('there');
      }
    }
    @Module({ providers: [{ provide: 'SUBSCRIBER', useClass: There }] })
    class Other {}
    module = await Test.createTestingModule({
      imports: [DiscoveryModule, Other],
      providers: [
        EventSubscriberRegistry,
        SubscriberExplorer,
        ONE_ENGINE,
        { provide: 'SUBSCRIBER', useClass: Here },
      ],
    }).compile();
    await module.init();
    module.get(SubscriberExplorer).explore();
    for (const name of ['here', 'there']) await handle(module.get(EventSubscriberRegistry), name);
    expect(ran).toEqual(['here', 'there']);
  });

  it('makes a transient provider anew for each event', async () => {
    const made = new Set<unknown>();
    @Injectable()
    class Dependency {}
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      constructor(readonly dependency: Dependency) {}

      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'transient' })
      async onInvoice(): Promise<void> {
        expect(this.dependency).toBeInstanceOf(Dependency);
        made.add(this);
      }
    }
    const registry = await explore(Dependency, Transient);
    await handle(registry, 'transient');
    await handle(registry, 'transient');
    expect(made.size).toBe(2);
  });

  it('registers an inherited method once, for the subclass that is provided', async () => {
    abstract class Base {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'inherited' })
      async onInvoice(): Promise<void> {
        handledBy.push(this.constructor.name);
      }
    }
    const handledBy: string[] = [];
    @Injectable()
    class Sub extends Base {}
    const registry = await explore(Sub);
    await handle(registry, 'inherited');
    expect(registry.getHandlerCount()).toBe(1);
    expect(handledBy).toEqual(['Sub']);
  });

  it('leaves an inherited method to the class that declares it where that is provided too', async () => {
    const handledBy: string[] = [];
    @Injectable()
    class Base {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'inherited' })
      async onInvoice(): Promise<void> {
        handledBy.push(this.constructor.name);
      }
    }
    @Injectable()
    class Sub extends Base {}
    const registry = await explore(Sub, Base);
    await handle(registry, 'inherited');
    expect(registry.getHandlerCount()).toBe(1);
    expect(handledBy).toEqual(['Base']);
  });

  it('does not register a method that was overridden without the decorator', async () => {
    class Base {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'overridden' })
      async onInvoice(): Promise<void> {}
    }
    @Injectable()
    class Sub extends Base {
      override async onInvoice(): Promise<void> {}
    }
    expect((await explore(Sub)).getHandlerCount()).toBe(0);
  });

  it('registers a provider once that is known by an alias as well', async () => {
    @Injectable()
    class Aliased {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'aliased' })
      async onInvoice(): Promise<void> {}
    }
    const registry = await explore(Aliased, { provide: 'ALIAS', useExisting: Aliased });
    expect(registry.getHandlerCount()).toBe(1);
  });

  it('finds methods of what a factory or a value provides', async () => {
    class Made {
      constructor(readonly name: string) {}

      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'made' })
      async onInvoice(): Promise<void> {
        names.push(this.name);
      }
    }
    const names: string[] = [];
    await handle(await explore({ provide: 'MADE', useFactory: () => new Made('by factory') }), 'made');
    await module?.close();
    await handle(await explore({ provide: 'MADE', useValue: new Made('by value') }), 'made');
    expect(names).toEqual(['by factory', 'by value']);
  });

  it('finds a method whose key is a symbol, also of a provider that is made for each event', async () => {
    const key = Symbol('on invoice');
    const handled: string[] = [];
    @Injectable()
    class Keyed {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'keyed' })
      async [key](): Promise<void> {
        handled.push(this.constructor.name);
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class KeyedAnew {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'keyed anew' })
      async [key](): Promise<void> {
        handled.push(this.constructor.name);
      }
    }
    const registry = await explore(Keyed, KeyedAnew);
    for (const name of ['keyed', 'keyed anew']) await handle(registry, name);
    expect(handled).toEqual(['Keyed', 'KeyedAnew']);
    expect(registry.consumer('keyed')?.subscriptions[0]?.place).toBe(
      'Keyed.Symbol(on invoice) (RootTestModule)',
    );
  });

  it.each([
    ['of Object', Object.prototype],
    ['without a prototype', null],
  ])('finds the methods of an object literal, %s', async (_of, prototype) => {
    const literal = {
      handled: 0,
      async onInvoice(): Promise<void> {
        this.handled++;
      },
      get trap(): never {
        throw new Error('nobody reads this');
      },
    };
    Object.setPrototypeOf(literal, prototype);
    IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'literal' })(
      literal,
      'onInvoice',
      Object.getOwnPropertyDescriptor(literal, 'onInvoice') as TypedPropertyDescriptor<() => Promise<void>>,
    );
    const registry = await explore({ provide: 'LITERAL', useValue: literal });
    await handle(registry, 'literal');
    expect(literal.handled).toBe(1);
    expect(registry.consumer('literal')?.subscriptions[0]?.place).toBe('LITERAL.onInvoice (RootTestModule)');
  });

  describe('refuses, by name,', () => {
    const decorate = IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'c' }) as (
      ...args: unknown[]
    ) => void;
    const refused = (problem: string) =>
      expect.objectContaining({
        code: 'INTEGRATION_SUBSCRIBER_INVALID',
        message: expect.stringContaining(problem),
      });

    it('a static method', () => {
      expect(() => {
        // biome-ignore lint/complexity/noStaticOnlyClass: what a newcomer may write
        class Operations {
          @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'c' })
          static async onInvoice(): Promise<void> {}
        }
        return Operations;
      }).toThrow(refused('cannot make Operations.onInvoice a handler: it is static'));
    });

    it('a property and an accessor', () => {
      class Operations {
        get onInvoice(): () => void {
          return () => {};
        }
      }
      const accessor = Object.getOwnPropertyDescriptor(Operations.prototype, 'onInvoice');
      expect(() => decorate(Operations.prototype, 'onInvoice', accessor)).toThrow(
        refused('Operations.onInvoice a handler: it is not a method'),
      );
      expect(() => decorate(Operations.prototype, 'onPaid')).toThrow(
        refused('Operations.onPaid a handler: it is not a method'),
      );
    });

    it('a decorator that is called the new way', () => {
      expect(() => decorate(async () => {}, { kind: 'method', name: 'onInvoice' })).toThrow(
        refused('onInvoice a handler: it is decorated without experimentalDecorators'),
      );
    });
  });

  it('refuses a duplicate across providers and names both methods', async () => {
    @Injectable()
    class One {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'same' })
      async first(): Promise<void> {}
    }
    @Injectable()
    class Two {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'same' })
      async second(): Promise<void> {}
    }
    await expect(explore(One, Two)).rejects.toThrow(/at One\.first \(.*\) and at Two\.second \(.*\)/);
  });

  it('stands beside handlers that are registered in onModuleInit', async () => {
    @Injectable()
    class Both implements OnModuleInit {
      constructor(private readonly registry: EventSubscriberRegistry) {}

      onModuleInit(): void {
        this.registry.registerHandler({ eventName: 'a', consumerName: 'both', handler: async () => {} });
      }

      @IntegrationSubscriber({ eventName: 'b', consumerName: 'both' })
      async onB(): Promise<void> {}
    }
    const registry = await explore(Both);
    expect(registry.consumer('both')?.eventNames).toEqual(['a', 'b']);
  });

  it('names the module, so that a class provided twice is told apart', async () => {
    @Injectable()
    class Shared {
      @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'shared' })
      async onInvoice(): Promise<void> {}
    }
    @Module({ providers: [Shared] })
    class Left {}
    @Module({ providers: [Shared] })
    class Right {}
    module = await Test.createTestingModule({
      imports: [DiscoveryModule, Left, Right],
      providers: [EventSubscriberRegistry, SubscriberExplorer, ONE_ENGINE],
    }).compile();
    const explorer = module.get(SubscriberExplorer);
    expect(errorOf(() => explorer.explore()).message).toContain(
      'Shared.onInvoice (Left) and at Shared.onInvoice (Right)',
    );
  });
});

type Wanted = Partial<Omit<SubscriberDefinition, 'batch'>> & {
  batch?: { maxSize: number; maxWaitMs?: number };
};

function definition(wanted: Wanted): SubscriberDefinition {
  return {
    eventName: 'invoice.created',
    consumerName: 'consumer',
    handler: async () => {},
    ...(wanted as object),
  };
}

function register(registry: EventSubscriberRegistry, wanted: Wanted): void {
  registry.registerHandler(definition(wanted));
}

function registryOf(...definitions: Wanted[]): EventSubscriberRegistry {
  const registry = new EventSubscriberRegistry();
  for (const wanted of definitions) register(registry, wanted);
  return registry;
}

function errorOf(run: () => unknown): IntegrationError {
  try {
    run();
  } catch (error) {
    if (error instanceof IntegrationError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
