import type pg from 'pg';
import type { BenchEvent } from './bench-event.js';
import type { Handle, MeasuredSystem, Publisher, PublishRoute, SystemOptions } from './measured-system.js';
import { inTransaction, openPool, openTransactionPublisher } from './pg-session.js';
import { CREATE_PLAIN_TABLE, fillPlain, insertPlain, readPage } from './plain-table.store.js';

const PAGE = 500;

/**
 * What Postgres and the driver can do at all: pages of 500 read one after another and parsed, nothing remembered;
 * and bare INSERT transactions.
 */
export class PlainTable implements MeasuredSystem {
  private readonly pool: pg.Pool;
  private settled = false;

  constructor(private readonly options: SystemOptions) {
    this.pool = openPool(options.url, 2);
  }

  async install(): Promise<void> {
    await this.pool.query(CREATE_PLAIN_TABLE);
  }

  async fill(chunks: Iterable<BenchEvent[]>): Promise<void> {
    await inTransaction(this.options.url, async (client) => {
      for (const events of chunks) await fillPlain(client, events);
    });
  }

  async openPublisher(route: PublishRoute): Promise<Publisher | undefined> {
    return route === 'pg' ? openTransactionPublisher(this.options.url, insertPlain) : undefined;
  }

  async consume(handle: Handle): Promise<() => Promise<void>> {
    let stopped = false;
    const read = async () => {
      for (let after = '0'; !stopped; ) {
        const rows = await readPage(this.pool, after, PAGE);
        for (const row of rows) handle(0, row.payload.n);
        const last = rows.at(-1);
        if (last === undefined) break;
        after = last.position;
      }
      this.settled = true;
    };
    const reading = read();
    return async () => {
      stopped = true;
      await reading;
    };
  }

  async isSettled(): Promise<boolean> {
    return this.settled;
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}
