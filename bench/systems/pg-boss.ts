import type pg from 'pg';
import { PgBoss, type WorkOptions } from 'pg-boss';
import type { BenchEvent } from './bench-event.js';
import type { Handle, MeasuredSystem, Publisher, PublishRoute, SystemOptions } from './measured-system.js';
import { UNSETTLED_PG_BOSS_JOB } from './peers.store.js';
import { inTransaction, openPool, openTransactionPublisher, returnsNothing } from './pg-session.js';
import { consumersOf, eventsFor } from './routing.js';

/** What its documentation names for throughput and latency: large batches, burst, two workers, a table per queue, LISTEN. */
const BEST_WORK: WorkOptions = { batchSize: 2_000, localConcurrency: 2, burstWhenBatchFull: true };

export class PgBossSystem implements MeasuredSystem {
  private readonly pool: pg.Pool;
  private readonly open: PgBoss[] = [];
  private sender: Promise<PgBoss> | undefined;

  constructor(
    private readonly options: SystemOptions,
    private readonly best: boolean,
  ) {
    this.pool = openPool(options.url, 2);
  }

  async install(): Promise<void> {
    const boss = await this.start();
    for (const queue of this.queues())
      await boss.createQueue(queue, this.best ? { partition: true, notify: true } : {});
  }

  async fill(chunks: Iterable<BenchEvent[]>): Promise<void> {
    const boss = await this.start();
    await inTransaction(this.options.url, async (client) => {
      const db = databaseOf(client);
      for (const events of chunks)
        for (const [consumer, queue] of this.queues().entries()) {
          const wanted = eventsFor(consumer, events, this.options);
          const jobs = wanted.map((data) => ({ data }));
          if (jobs.length > 0) await boss.insert(queue, jobs, { db });
        }
    });
  }

  async openPublisher(route: PublishRoute): Promise<Publisher | undefined> {
    if (route === 'prisma') return undefined;
    this.sender ??= this.start();
    const boss = await this.sender;
    return openTransactionPublisher(this.options.url, async (client, event) => {
      const db = databaseOf(client);
      for (const consumer of consumersOf(event, this.options))
        await boss.send(queueOf(consumer), event, { db });
    });
  }

  async consume(handle: Handle): Promise<() => Promise<void>> {
    const boss = await this.start();
    for (const [consumer, queue] of this.queues().entries())
      await boss.work<BenchEvent>(queue, this.best ? BEST_WORK : {}, async (jobs) => {
        for (const job of jobs) handle(consumer, job.data.payload.n);
      });
    return () => boss.stop({ graceful: true, timeout: 5_000 });
  }

  isSettled(): Promise<boolean> {
    return returnsNothing(this.pool, UNSETTLED_PG_BOSS_JOB);
  }

  async close(): Promise<void> {
    await Promise.all(this.open.map((boss) => boss.stop({ graceful: false }).catch(() => {})));
    await this.pool.end();
  }

  private queues(): string[] {
    return Array.from({ length: this.options.consumers }, (_, consumer) => queueOf(consumer));
  }

  private async start(): Promise<PgBoss> {
    const boss = new PgBoss({ connectionString: this.options.url, useListenNotify: this.best });
    boss.on('error', () => {});
    this.open.push(boss);
    return boss.start();
  }
}

/** The caller's transaction, in the shape that its `db` option wants. */
function databaseOf(client: pg.Client) {
  return { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
}

function queueOf(consumer: number): string {
  return `invoice-created-${consumer}`;
}
