import {
  createPostgresBackend,
  type JobProgress,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  Queue,
  runMigrations,
  Worker,
} from 'bullmq';
import type pg from 'pg';
import type { BenchEvent } from './bench-event.js';
import type { Handle, MeasuredSystem, Publisher, PublishRoute, SystemOptions } from './measured-system.js';
import { UNSETTLED_BULLMQ_JOB } from './peers.store.js';
import { openPool, returnsNothing } from './pg-session.js';
import { consumersOf, eventsFor } from './routing.js';

/** What its documentation names: concurrency 8–32, a pool as large, finished jobs removed. */
const BEST_CONCURRENCY = 32;

type PostgresQueue = Queue<
  BenchEvent,
  void,
  string,
  BenchEvent,
  void,
  string,
  PostgresQueueBackend,
  PostgresConnectionOptions
>;

/** It runs on Postgres, but adds jobs through connections of its own: publishing is not part of the caller's transaction. */
export class BullmqSystem implements MeasuredSystem {
  private readonly pools: pg.Pool[] = [];
  private readonly queues: PostgresQueue[] = [];
  private readonly watchPool: pg.Pool;
  private senders: PostgresQueue[] | undefined;

  constructor(
    private readonly options: SystemOptions,
    private readonly best: boolean,
  ) {
    this.watchPool = this.pool(1);
  }

  async install(): Promise<void> {
    const client = await this.watchPool.connect();
    await runMigrations(client);
    client.release();
  }

  async fill(chunks: Iterable<BenchEvent[]>): Promise<void> {
    const queues = this.openQueues(this.pool(10));
    for (const events of chunks)
      for (const [consumer, queue] of queues.entries()) {
        const wanted = eventsFor(consumer, events, this.options);
        await queue.addBulk(wanted.map((data) => ({ name: data.eventName, data })));
      }
  }

  async openPublisher(route: PublishRoute): Promise<Publisher | undefined> {
    if (route === 'prisma') return undefined;
    this.senders ??= this.openQueues(this.pool(10));
    const queues = this.senders;
    await Promise.all(queues.map((queue) => queue.waitUntilReady()));
    return {
      publish: async (event) => {
        const wanting = consumersOf(event, this.options);
        await Promise.all(wanting.map((consumer) => queues[consumer]?.add(event.eventName, event)));
      },
      close: async () => {},
    };
  }

  async consume(handle: Handle): Promise<() => Promise<void>> {
    const workers = this.names().map((name, consumer) => {
      const worker = new Worker<
        BenchEvent,
        void,
        string,
        PostgresQueueBackend,
        JobProgress,
        PostgresConnectionOptions
      >(
        name,
        async (job) => handle(consumer, job.data.payload.n),
        {
          connection: connectionOf(this.pool(this.best ? BEST_CONCURRENCY : 10)),
          ...(this.best ? { concurrency: BEST_CONCURRENCY, removeOnComplete: { count: 0 } } : {}),
        },
        createPostgresBackend,
      );
      worker.on('error', () => {});
      return worker;
    });
    await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    return async () => {
      await Promise.all(workers.map((worker) => worker.close()));
    };
  }

  isSettled(): Promise<boolean> {
    return returnsNothing(this.watchPool, UNSETTLED_BULLMQ_JOB);
  }

  async close(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.close().catch(() => {})));
    await Promise.all(this.pools.map((pool) => pool.end()));
  }

  private names(): string[] {
    return Array.from({ length: this.options.consumers }, (_, i) => `invoice-created-${i}`);
  }

  private openQueues(pool: pg.Pool): PostgresQueue[] {
    const queues = this.names().map(
      (name) => new Queue(name, { connection: connectionOf(pool) }, createPostgresBackend),
    );
    for (const queue of queues) queue.on('error', () => {});
    this.queues.push(...queues);
    return queues;
  }

  /** In an ES module it wants a finished pool, whose search path must name its schema. */
  private pool(max: number): pg.Pool {
    const pool = openPool(this.options.url, Math.max(2, max + 1), '-c search_path=bullmq');
    this.pools.push(pool);
    return pool;
  }
}

/** A pool is among what it takes, though its types know pools by fewer members than they have. */
function connectionOf(pool: pg.Pool): PostgresConnectionOptions {
  return pool as unknown as PostgresConnectionOptions;
}
