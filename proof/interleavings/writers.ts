import pg from 'pg';
import type { NewEvent } from './commands.js';
import { PUBLISH } from './interleavings.store.js';
import type { Known, Model } from './model.js';

interface OpenTransaction {
  readonly client: pg.PoolClient;
  readonly events: Known[];
}

/** Publishers: each event alone, or several in transactions that stay open. What they do, the model is told. */
export class Writers {
  private readonly pool: pg.Pool;
  private readonly open = new Map<number, OpenTransaction>();

  constructor(databaseUrl: string) {
    this.pool = new pg.Pool({ connectionString: databaseUrl, max: 4, application_name: 'proof writers' });
  }

  /** Writers of one aggregate take turns; a transaction that is open has its own. */
  async publish(event: NewEvent, model: Model): Promise<void> {
    model.committed([await insert(this.pool, event, `a${event.aggregate}`)]);
  }

  async publishIn(tx: number, event: NewEvent): Promise<void> {
    const transaction = this.open.get(tx) ?? (await this.begin(tx));
    transaction.events.push(await insert(transaction.client, event, `tx${tx} a${event.aggregate}`));
  }

  async end(tx: number, commit: boolean, model: Model): Promise<void> {
    const transaction = this.open.get(tx);
    if (transaction === undefined) return;
    this.open.delete(tx);
    await transaction.client.query(commit ? 'COMMIT' : 'ROLLBACK');
    transaction.client.release();
    if (commit) model.committed(transaction.events);
  }

  async endAll(commit: boolean, model: Model): Promise<void> {
    for (const tx of [...this.open.keys()]) await this.end(tx, commit, model);
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async begin(tx: number): Promise<OpenTransaction> {
    const transaction = { client: await this.pool.connect(), events: [] };
    this.open.set(tx, transaction);
    await transaction.client.query('BEGIN');
    return transaction;
  }
}

async function insert(client: pg.Pool | pg.PoolClient, event: NewEvent, aggregate: string): Promise<Known> {
  const { name, failures, putOffs } = event;
  const { rows } = await client.query<{ id: string; position: number }>(PUBLISH, [
    name,
    aggregate,
    { failures, putOffs },
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error('an event was not written');
  return { ...row, aggregate, name, failures };
}
