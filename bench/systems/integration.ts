import {
  type DynamicModule,
  type INestApplicationContext,
  Inject,
  Injectable,
  type OnModuleInit,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DomainEvent,
  DomainEventPublisher,
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationModule,
  type IntegrationModuleOptions,
  PgSqlClient,
  RetryAfterError,
  type SubscriberContext,
  type Tx,
} from 'nestjs-integration';
import type pg from 'pg';
import type { BenchEvent, InvoicePayload } from './bench-event.js';
import { CREATE_EFFECT, INSERT_EFFECT, INSERT_EFFECTS, UNSETTLED_CURSOR } from './integration.store.js';
import { openLibrary } from './libraries/libraries.js';
import { isLibrary } from './libraries/library-name.js';
import type { LibrarySession } from './libraries/library-session.js';
import type { Handle, MeasuredSystem, Publisher, PublishRoute, SystemOptions } from './measured-system.js';
import { inTransaction, openPool, openTransactionPublisher, returnsNothing } from './pg-session.js';
import { nameFor, nameOf } from './routing.js';

const BATCH = 100;
const HOUR_MS = 3_600_000;
const CONSUMERS = Symbol('consumers');

type Event = DomainEvent<InvoicePayload>;

interface Consumers {
  options: SystemOptions;
  handle: Handle;
}

/** This project with its shipped settings, in a Nest application as a host would have it. */
export class IntegrationSystem implements MeasuredSystem {
  private readonly pool: pg.Pool;
  private readonly closing: (() => Promise<unknown>)[] = [];
  private publisherApp: Promise<INestApplicationContext> | undefined;
  private library: Promise<LibrarySession> | undefined;

  constructor(private readonly options: SystemOptions) {
    this.pool = openPool(options.url, 2);
  }

  async install(): Promise<void> {
    const app = await this.boot('all', () => {});
    await this.pool.query(CREATE_EFFECT);
    await app.close();
  }

  async fill(chunks: Iterable<BenchEvent[]>): Promise<void> {
    const publisher = (await this.publishing()).get(DomainEventPublisher);
    await inTransaction(this.options.url, async (client) => {
      for (const events of chunks)
        await publisher.publishEvents(events.map(this.toPublish), {
          persistenceClient: new PgSqlClient(client),
        });
    });
  }

  async openPublisher(route: PublishRoute): Promise<Publisher | undefined> {
    const app = await this.publishing();
    const publisher = app.get(DomainEventPublisher);
    if (route === 'own') {
      const api = app.get(IntegrationDeveloperApiService);
      return {
        publish: async (event) => {
          await api.transaction((tx) =>
            publisher.publishEvent(this.toPublish(event), { persistenceClient: tx }),
          );
        },
        close: async () => {},
      };
    }
    if (route === 'prisma') {
      const { openPrismaPublisher } = await import('./prisma-session.js');
      return openPrismaPublisher(this.options.url, (tx, event) =>
        publisher.publishEvent(this.toPublish(event), { persistenceClient: tx }),
      );
    }
    if (isLibrary(route)) {
      const session = await this.openLibrary();
      if (session !== undefined) return this.publisherThrough(session, publisher);
    }
    if (route !== 'pg') return undefined;
    return openTransactionPublisher(this.options.url, (client, event) =>
      publisher.publishEvent(this.toPublish(event), { persistenceClient: new PgSqlClient(client) }),
    );
  }

  /** Publishers of the same process then publish through the application that consumes. */
  async consume(handle: Handle): Promise<() => Promise<void>> {
    const app = await this.boot('all', handle);
    this.publisherApp = Promise.resolve(app);
    return async () => {
      this.publisherApp = undefined;
      await app.close();
    };
  }

  isSettled(): Promise<boolean> {
    return returnsNothing(this.pool, UNSETTLED_CURSOR);
  }

  async close(): Promise<void> {
    await (await this.publisherApp)?.close();
    for (const close of this.closing) await close();
    await this.pool.end();
  }

  /** The number travels in the payload. */
  private readonly toPublish = (event: BenchEvent): Omit<BenchEvent, 'n'> => ({
    eventName: nameOf(event, this.options),
    sourceModule: event.sourceModule,
    aggregateType: event.aggregateType,
    aggregateId: event.aggregateId,
    payload: event.payload,
  });

  private publisherThrough(session: LibrarySession, publisher: DomainEventPublisher): Publisher {
    return {
      publish: async (event) => {
        await session.transaction((tx) =>
          publisher.publishEvent(this.toPublish(event), { persistenceClient: tx as Tx }),
        );
      },
      insertBare: async (event) => {
        await session.transaction(async (tx) => {
          await session.insertPlain(tx, event);
        });
      },
      close: async () => {},
    };
  }

  private publishing(): Promise<INestApplicationContext> {
    this.publisherApp ??= this.boot('publisher', () => {});
    return this.publisherApp;
  }

  private async boot(role: 'all' | 'publisher', handle: Handle): Promise<INestApplicationContext> {
    const library = await this.openLibrary();
    const client = this.options.hostClient === 'prisma' ? await this.openPrisma() : library?.adapter;
    const options: IntegrationModuleOptions = {
      connectionString: this.options.url,
      migrations: 'run',
      role,
      client,
    };
    const root: DynamicModule = {
      module: BenchModule,
      imports: [IntegrationModule.forRoot(options)],
      providers: [
        { provide: CONSUMERS, useValue: { options: this.options, handle } satisfies Consumers },
        ...(role === 'all' ? [Subscribers] : []),
      ],
    };
    return NestFactory.createApplicationContext(root, { logger: ['error', 'fatal'] });
  }

  /** Once for the process; undefined where the host brings no such library. */
  private async openLibrary(): Promise<LibrarySession | undefined> {
    const { hostClient, url } = this.options;
    if (!isLibrary(hostClient)) return undefined;
    if (this.library === undefined) {
      this.library = openLibrary(hostClient, url);
      this.closing.push(async () => (await this.library)?.close());
    }
    return this.library;
  }

  private async openPrisma() {
    const { openPrisma } = await import('./prisma-session.js');
    const prisma = openPrisma(this.options.url);
    this.closing.push(() => prisma.$disconnect());
    return prisma;
  }
}

class BenchModule {}

/** Registers one consumer after another for the same event. */
@Injectable()
class Subscribers implements OnModuleInit {
  constructor(
    @Inject(EventSubscriberRegistry) private readonly registry: EventSubscriberRegistry,
    @Inject(CONSUMERS) private readonly consumers: Consumers,
  ) {}

  onModuleInit(): void {
    for (let consumer = 0; consumer < this.consumers.options.consumers; consumer++) this.register(consumer);
  }

  private register(consumer: number): void {
    const { options, handle } = this.consumers;
    const common = {
      eventName: nameFor(consumer, options),
      consumerName: `bench-${consumer}`,
      startFrom: 'earliest' as const,
      ...(options.processes > 1 ? { partitions: options.processes } : {}),
    };
    if (options.work === 'insert-row-in-batches') {
      this.registry.registerHandler({
        ...common,
        transactional: true,
        batch: { maxSize: BATCH },
        handler: async (events: Event[], { transaction }: SubscriberContext) => {
          await transaction.$executeRawUnsafe(
            INSERT_EFFECTS,
            events.map((event) => event.payload.n),
          );
          for (const event of events) handle(consumer, event.payload.n);
        },
      });
    } else if (options.work === 'insert-row') {
      this.registry.registerHandler({
        ...common,
        transactional: true,
        handler: async (event: Event, { transaction }: SubscriberContext) => {
          await transaction.$executeRawUnsafe(INSERT_EFFECT, event.payload.n);
          handle(consumer, event.payload.n);
        },
      });
    } else {
      this.registry.registerHandler({
        ...common,
        handler: async (event: Event) => {
          if (event.aggregateId === options.failingAggregate)
            throw new RetryAfterError(HOUR_MS, 'fails for the benchmark');
          handle(consumer, event.payload.n);
        },
      });
    }
  }
}
