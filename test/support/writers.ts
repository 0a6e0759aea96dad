import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { append } from './append.js';
import { type Random, seededRandom } from './random.js';

/** Aggregates that every writer takes turns on, and those on which somebody sits for seconds. */
const SHARED = 60;
const SAT_ON = 3;
const LONGEST_TRANSACTION_MS = 3_000;

export interface WritingPlan {
  readonly seed: number;
  /** Committed events, at least. */
  readonly events: number;
  /** Short transactions, one after another. */
  readonly writers: number;
  /** Transactions of up to three seconds, one after another. */
  readonly longWriters: number;
  /** Told after every commit, with the number of events committed so far. */
  readonly onProgress?: (committed: number) => void;
}

/** What came of the events, by event id. */
export interface Written {
  readonly committed: Set<string>;
  /** By a transaction's or a savepoint's end. */
  readonly rolledBack: Set<string>;
}

/** What the events of the fuzz carry: their place among the events of their aggregate, where that has an order to keep. */
export interface FuzzPayload {
  readonly sequence?: number;
}

/** Writes until the plan is fulfilled, each writer on a connection of its own. */
export async function runWriters(url: string, plan: WritingPlan): Promise<Written> {
  const written: Written = { committed: new Set(), rolledBack: new Set() };
  const setup = new pg.Client({ connectionString: url });
  await setup.connect();
  await setup.query(`CREATE TABLE ordered_thing (id int PRIMARY KEY, sequence int NOT NULL DEFAULT 0)`);
  await setup.query(`INSERT INTO ordered_thing SELECT generate_series(0, $1::int - 1)`, [SHARED + SAT_ON]);
  await setup.end();
  const count = plan.writers + plan.longWriters;
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const client = new pg.Client({ connectionString: url, application_name: `writer ${index}` });
      await client.connect();
      const isLong = index >= plan.writers;
      const writer = new Writer(client, seededRandom(plan.seed + index * 7_919), written, isLong);
      while (written.committed.size < plan.events) {
        await writer.transaction();
        plan.onProgress?.(written.committed.size);
      }
      await client.end();
    }),
  );
  return written;
}

/** A stranger: transactions of three seconds on a table of the host's. Resolves to how to stop it. */
export async function sitOnOtherTables(url: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url, application_name: 'stranger' });
  await client.connect();
  const stopping = new AbortController();
  const work = (async () => {
    for (let round = 0; !stopping.signal.aborted; round++) {
      await client.query('BEGIN');
      await client.query(`INSERT INTO invoice (id) VALUES ($1)`, [`stranger ${round}`]);
      await sleep(LONGEST_TRANSACTION_MS, undefined, { signal: stopping.signal }).catch(() => {});
      await client.query('COMMIT');
    }
  })();
  return async () => {
    stopping.abort();
    await work;
    await client.end();
  };
}

class Writer {
  constructor(
    private readonly client: pg.Client,
    private readonly random: Random,
    private readonly written: Written,
    private readonly isLong: boolean,
  ) {}

  async transaction(): Promise<void> {
    const { random } = this;
    const published: string[] = [];
    await this.client.query('BEGIN');
    const thing = this.chooseThing();
    // The lock comes before the first publish: that is what the order of an aggregate's events rests on.
    let sequence = thing === undefined ? undefined : await this.lock(thing);
    for (let step = random.int(3); step >= 0; step--) {
      const isPartial = random.chance(0.15);
      if (isPartial) await this.client.query('SAVEPOINT part');
      const batch = await this.publish(1 + random.int(step === 0 ? 3 : 1), thing, sequence);
      if (this.isLong) await sleep(random.int(LONGEST_TRANSACTION_MS / 3));
      if (isPartial && random.chance(0.6)) {
        await this.client.query('ROLLBACK TO SAVEPOINT part');
        for (const id of batch) this.written.rolledBack.add(id);
        continue;
      }
      published.push(...batch);
      if (sequence !== undefined) sequence += batch.length;
    }
    if (sequence !== undefined) {
      await this.client.query('UPDATE ordered_thing SET sequence = $2 WHERE id = $1', [thing, sequence]);
    }
    const isUndone = random.chance(0.1);
    await this.client.query(isUndone ? 'ROLLBACK' : 'COMMIT');
    for (const id of published) this.written[isUndone ? 'rolledBack' : 'committed'].add(id);
  }

  /** Most transactions write to a thing that others write to as well; few wait for one that somebody sits on. */
  private chooseThing(): number | undefined {
    if (this.isLong) return this.random.chance(0.7) ? SHARED + this.random.int(SAT_ON) : undefined;
    if (this.random.chance(0.002)) return SHARED + this.random.int(SAT_ON);
    return this.random.chance(0.7) ? this.random.int(SHARED) : undefined;
  }

  private async lock(thing: number): Promise<number> {
    const { rows } = await this.client.query<{ sequence: number }>(
      'SELECT sequence FROM ordered_thing WHERE id = $1 FOR UPDATE',
      [thing],
    );
    return rows[0]?.sequence ?? 0;
  }

  private async publish(count: number, thing: number | undefined, sequence = 0): Promise<string[]> {
    const events = Array.from({ length: count }, (_, index) => {
      const payload: FuzzPayload = thing === undefined ? {} : { sequence: sequence + index + 1 };
      const aggregateId = thing === undefined ? `own ${this.random.int(1_000_000)}` : String(thing);
      return {
        eventName: 'thing.changed',
        sourceModule: 'fuzz',
        aggregateType: 'thing',
        aggregateId,
        payload,
      };
    });
    const published =
      count > 1 && this.random.chance(0.5)
        ? await append(this.client, events)
        : (await inTurn(events, (event) => append(this.client, [event]))).flat();
    return published.map((event) => event.outboxEventId);
  }
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
