import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { BenchEvent } from './bench-event.js';
import type { Handle, MeasuredSystem, Publisher, PublishRoute, SystemOptions } from './measured-system.js';
import { inTransaction, openPool, openTransactionPublisher, returnsNothing } from './pg-session.js';
import { consumersOf, withConsumers } from './routing.js';
import { handleRow } from './row-handler.js';
import {
  CREATE_ROW_QUEUE,
  claimNext,
  fillRows,
  insertEffect,
  insertRows,
  markProcessed,
  type QueuedRow,
  UNSETTLED_ROW,
} from './row-queue.store.js';

const CLAIM = 10;
const POLL_MS = 5_000;

/**
 * The ordinary outbox of many code bases: claim 10 rows, handle them one by one, one UPDATE each, and look again
 * every five seconds when there was nothing.
 */
export class SequentialOutbox implements MeasuredSystem {
  private readonly pool: pg.Pool;

  constructor(private readonly options: SystemOptions) {
    this.pool = openPool(options.url, 2 + options.consumers);
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
    return openTransactionPublisher(this.options.url, (client, event) =>
      insertRows(client, event, consumersOf(event, this.options)),
    );
  }

  async consume(handle: Handle): Promise<() => Promise<void>> {
    const stop = new AbortController();
    const loops = Array.from({ length: this.options.consumers }, (_, consumer) =>
      this.work(consumer, handle, stop.signal),
    );
    return async () => {
      stop.abort();
      await Promise.all(loops);
    };
  }

  isSettled(): Promise<boolean> {
    return returnsNothing(this.pool, UNSETTLED_ROW);
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async work(consumer: number, handle: Handle, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const rows = await claimNext(this.pool, consumer, CLAIM);
      for (const row of rows) await this.handleOne(row, consumer, handle);
      if (rows.length === 0) await sleep(POLL_MS, undefined, { signal: stop }).catch(() => {});
    }
  }

  private async handleOne(row: QueuedRow, consumer: number, handle: Handle): Promise<void> {
    if (this.options.work === 'none') {
      await handleRow(row, consumer, handle);
      await markProcessed(this.pool, [row.id]);
      return;
    }
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await insertEffect(client, row.payload.n);
      await handleRow(row, consumer, handle);
      await markProcessed(client, [row.id]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  }
}
