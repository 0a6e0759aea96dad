import pg from 'pg';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { RowSource } from '../../src/database/wire/row-source.js';
import type { CursorReader } from '../../src/inbox/cursor-reader.js';
import { InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import { SettlementStore } from '../../src/inbox/settlement.store.js';
import type { LogEvent } from '../../src/log/log-event.js';
import type { LogReader } from '../../src/log/log-reader.js';
import type { LogWriter, OutboxLogStore } from '../../src/log/outbox-log.store.js';
import { PositionSet } from '../../src/log/position-set.js';
import { append } from './append.js';

/** The classes under test. */
export interface CursorKit {
  readonly CursorReader: typeof CursorReader;
  readonly OutboxLogStore: typeof OutboxLogStore;
}

/** What came of a play: nothing of it, if all is well. */
export interface Harm {
  /** Committed positions that some consumer never got. */
  readonly lost: number[];
  /** Positions that some consumer got after a later event of their aggregate. */
  readonly outOfOrder: number[];
  /** What cursors have left below their open range. */
  readonly holes: string[];
}

const OWNER = '0193a000-0000-7000-8000-000000000001';
const WANTED = { eventNames: ['*'], partitions: 1, chosen: [0] };
const ROUNDS = 20;

/** Lets something happen after a statement. */
class StageDatabase extends EngineDatabase {
  afterStatement: (() => Promise<void>) | undefined;

  override async forEachRow(...args: Parameters<EngineDatabase['forEachRow']>): Promise<void> {
    await super.forEachRow(...args);
    await this.happen();
  }

  override readInSnapshot<R>(fn: (source: RowSource) => Promise<R>): Promise<R> {
    return super.readInSnapshot((source) =>
      fn({
        forEachRow: async (...args) => {
          await source.forEachRow(...args);
          await this.happen();
        },
      }),
    );
  }

  private async happen(): Promise<void> {
    const happen = this.afterStatement;
    this.afterStatement = undefined;
    await happen?.();
  }
}

/** Writers and consumers on one database, moved step by step: every interleaving is the play's own. */
export class CursorStage {
  private readonly db: StageDatabase;
  private readonly writers: StageWriter[] = [];
  private readonly consumers: StageConsumer[] = [];

  private constructor(
    private readonly url: string,
    private readonly kit: CursorKit,
  ) {
    this.db = new StageDatabase({ connectionString: url, schema: 'integration' });
  }

  /** On an empty log. */
  static async set(url: string, kit: CursorKit): Promise<CursorStage> {
    const stage = new CursorStage(url, kit);
    await stage.db.query(
      `TRUNCATE integration.outbox_event, integration.inbox_cursor, integration.inbox_event RESTART IDENTITY`,
    );
    return stage;
  }

  /** Somebody who publishes, on a connection of their own. */
  async writer(): Promise<StageWriter> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    const writer = new StageWriter(client);
    this.writers.push(writer);
    return writer;
  }

  /** With nothing but these positions to read, if they are told. */
  async consumer(name = 'consumer', unread = '{[1,)}'): Promise<StageConsumer> {
    const store = new InboxCursorStore(this.db);
    const key = { consumerName: name, partition: 0 };
    await this.db.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ($1, '{*}', $2::int8multirange)`,
      [name, unread],
    );
    const [cursor] = await store.claim([key], OWNER, 60_000, []);
    if (cursor === undefined) throw new Error('the cursor was not claimed');
    const settlements = new SettlementStore(this.db);
    const settle = (positions: PositionSet) =>
      settlements.settlePositions(key, cursor.leaseToken, positions.toString(), 0);
    const consumer = new StageConsumer(this.kit, this.db, settle, cursor.unread);
    this.consumers.push(consumer);
    return consumer;
  }

  /** What happens after the next statement that reads rows, although more of its page may be to come. */
  betweenStatements(happen: () => Promise<void>): void {
    this.db.afterStatement = happen;
  }

  /** Ends the play: every writer leaves, every consumer reads all there is, sweeps, and is asked what it got. */
  async end(): Promise<Harm> {
    for (const writer of this.writers) await writer.leave();
    const log = await this.db.query<{ position: number; aggregate: string }>(
      `SELECT position, aggregate_id AS aggregate FROM integration.outbox_event ORDER BY position`,
    );
    for (const consumer of this.consumers) await consumer.readToTheEnd();
    const cursors = await this.db.query<{ unread: string }>(
      `SELECT unread::text FROM integration.inbox_cursor ORDER BY consumer_name`,
    );
    await this.db.close();
    return {
      lost: this.consumers.flatMap(({ received }) =>
        log.map(({ position }) => position).filter((p) => !received.some((row) => row.position === p)),
      ),
      outOfOrder: this.consumers.flatMap(({ received }) => latecomers(received)),
      holes: cursors.map(({ unread }) => unread).filter((unread) => !/^\{\[\d+,\)\}$/.test(unread)),
    };
  }
}

/** One connection, one transaction at a time. */
export class StageWriter {
  constructor(private readonly client: pg.Client) {}

  async run(sql: string): Promise<void> {
    await this.client.query(sql);
  }

  /** Publishes events of one aggregate in one statement, by default one; resolves to their positions. */
  async publish(aggregateId: string, count = 1): Promise<number[]> {
    const event = { eventName: 'thing.changed', sourceModule: 'play', aggregateType: 'thing', aggregateId };
    const published = await append(this.client, Array(count).fill(event));
    return published.map(({ position }) => position);
  }

  /** Goes, and with it what it has not committed. */
  async leave(): Promise<void> {
    await this.client.end();
  }
}

/** A cursor with its reader: what is read counts as handled, and is saved at once. */
export class StageConsumer {
  readonly received: LogEvent[] = [];
  /** It sees the writers as on a server where a prepared transaction does not keep its session's virtual id. */
  renamesPrepared = false;
  private readonly reader: CursorReader;
  private afterStatement: (() => Promise<void>) | undefined;

  constructor(
    kit: CursorKit,
    db: EngineDatabase,
    private readonly settle: (positions: PositionSet) => Promise<boolean>,
    unread: PositionSet,
  ) {
    const store = new kit.OutboxLogStore(db);
    const log: Pick<LogReader, 'readPage' | 'readWriters' | 'sharers'> = {
      sharers: 1,
      readPage: async (...args) => this.meanwhile(await store.readPage(...args, WANTED)),
      readWriters: async () => this.meanwhile((await store.readWriters()).map((one) => this.asSeen(one))),
    };
    this.reader = new kit.CursorReader(log, unread);
  }

  /** What happens after the next statement of this consumer has seen what it sees, and before it is answered. */
  beforeTheAnswer(happen: () => Promise<void>): void {
    this.afterStatement = happen;
  }

  async page(rows = 100, bytes = 1_000_000): Promise<boolean> {
    const page = await this.reader.readPage(rows, bytes);
    this.received.push(...page.events);
    const settled = page.positions.clone();
    settled.addAll(page.swept);
    await this.settle(settled);
    return page.cut;
  }

  look(): Promise<boolean> {
    return this.reader.lookAtWriters();
  }

  async readToTheEnd(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      while (await this.page());
      if (!this.reader.hasHoles) return;
      await this.look();
    }
  }

  private asSeen(writer: LogWriter): LogWriter {
    const { virtualTransaction, prepared } = writer;
    return prepared && this.renamesPrepared
      ? { virtualTransaction: `-1/${virtualTransaction}`, prepared }
      : writer;
  }

  private async meanwhile<T>(answer: T): Promise<T> {
    const happen = this.afterStatement;
    this.afterStatement = undefined;
    await happen?.();
    return answer;
  }
}

function latecomers(events: readonly LogEvent[]): number[] {
  const highest = new Map<string, number>();
  return events.flatMap(({ position, aggregateId }) => {
    const before = highest.get(aggregateId) ?? 0;
    highest.set(aggregateId, Math.max(before, position));
    return position < before ? [position] : [];
  });
}
