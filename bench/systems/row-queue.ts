import pg from 'pg';
import type { BenchEvent } from './bench-event.js';
import type { Handle, MeasuredSystem, Publisher, PublishRoute, SystemOptions } from './measured-system.js';
import { inTransaction, openPool, openTransactionPublisher, returnsNothing } from './pg-session.js';
import { consumersOf, withConsumers } from './routing.js';
import { handleRow } from './row-handler.js';
import {
  CREATE_ROW_QUEUE,
  fillRows,
  insertRows,
  lockNext,
  markProcessed,
  UNSETTLED_ROW,
} from './row-queue.store.js';

const CLAIM = 500;
const WORKERS_PER_CONSUMER = 2;
const POLL_MS = 1_000;
const CHANNEL = 'row_queue';

/**
 * The strongest simple row queue that we could write: 500 rows claimed by SKIP LOCKED, handled inside the claiming
 * transaction, one UPDATE for all of them. Two workers per consumer, so that one claims while the other handles.
 * With `notify`, publishers wake the workers from inside the business transaction; without, they poll every second.
 */
export class RowQueue implements MeasuredSystem {
  private readonly pool: pg.Pool;

  constructor(
    private readonly options: SystemOptions,
    private readonly notify: boolean,
  ) {
    this.pool = openPool(options.url, 4 + WORKERS_PER_CONSUMER * options.consumers);
  }

  async install(): Promise<void> {
    await this.pool.query(CREATE_ROW_QUEUE);
  }

  async fill(chunks: Iterable<BenchEvent[]>): Promise<void> {
    await inTransaction(this.options.url, async (client) => {
      for (const events of chunks) await fillRows(client, withConsumers(events, this.options));
    });
  }

  async openPublisher(route: PublishRoute): Promise<Publisher | undefined> {
    if (route === 'prisma') return undefined;
    return openTransactionPublisher(this.options.url, async (client, event) => {
      await insertRows(client, event, consumersOf(event, this.options));
      if (this.notify) await client.query(`NOTIFY ${CHANNEL}`);
    });
  }

  async consume(handle: Handle): Promise<() => Promise<void>> {
    const signal = new WakeSignal();
    const listener = this.notify ? await listen(this.options.url, () => signal.wake()) : undefined;
    const loops: Promise<void>[] = [];
    for (let consumer = 0; consumer < this.options.consumers; consumer++)
      for (let worker = 0; worker < WORKERS_PER_CONSUMER; worker++)
        loops.push(this.work(consumer, handle, signal));
    return async () => {
      signal.stop();
      await Promise.all(loops);
      await listener?.end();
    };
  }

  isSettled(): Promise<boolean> {
    return returnsNothing(this.pool, UNSETTLED_ROW);
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async work(consumer: number, handle: Handle, signal: WakeSignal): Promise<void> {
    const client = await this.pool.connect();
    try {
      while (!signal.stopped) {
        const seen = signal.count;
        const taken = await this.claimAndHandle(client, consumer, handle);
        if (taken < CLAIM) await signal.after(seen, POLL_MS);
      }
    } finally {
      client.release();
    }
  }

  private async claimAndHandle(client: pg.PoolClient, consumer: number, handle: Handle): Promise<number> {
    await client.query('BEGIN');
    const rows = await lockNext(client, consumer, CLAIM);
    for (const row of rows) await handleRow(row, consumer, handle);
    if (rows.length > 0)
      await markProcessed(
        client,
        rows.map((row) => row.id),
      );
    await client.query('COMMIT');
    return rows.length;
  }
}

/** Lets loops sleep until somebody publishes, a time has passed or all is over. */
class WakeSignal {
  count = 0;
  stopped = false;
  private waiting = new Set<() => void>();

  wake(): void {
    this.count++;
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }

  stop(): void {
    this.stopped = true;
    this.wake();
  }

  /** Returns at once where a wake-up came since `seen` was read. */
  after(seen: number, ms: number): Promise<void> {
    if (this.count !== seen || this.stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.waiting.add(done);
    });
  }
}

async function listen(url: string, onNotification: () => void): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  client.on('notification', onNotification);
  await client.connect();
  await client.query(`LISTEN ${CHANNEL}`);
  return client;
}
