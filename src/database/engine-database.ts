import type pg from 'pg';
import type { Subject } from 'rxjs';
import { DEFAULT_ENGINE } from '../words/engine-name.js';
import { EngineClient } from './clients/engine-client.js';
import { isConnectionLoss, isStaleStatement } from './connection/connection-loss.js';
import {
  type EngineConnection,
  EngineConnectionFactory,
  type SessionUse,
} from './connection/engine-connection.js';
import { Losses } from './connection/losses.js';
import { untilReachable } from './connection/until-reachable.js';
import {
  closingLimits,
  DEFAULT_CLIENT_POOL_SIZE,
  DEFAULT_POOL_SIZE,
  type EngineDatabaseOptions,
  NAMES,
  NOTHING_AROUND,
  READ_LIMITS,
  type Surrounding,
  WAITING_LIMITS,
  type WaitingLimits,
} from './engine-database-options.js';
import { OpenConnections } from './open-connections.js';
import type { EngineSession } from './sql/engine-session.js';
import { BEGINS, inTransaction } from './sql/in-transaction.store.js';
import type { NarrowText } from './sql/narrow-text.js';
import { onlyRead } from './sql/reading.store.js';
import { readSnapshot } from './sql/snapshot.store.js';
import { type Tables, tablesOf } from './sql/tables.js';
import { answerOrDestroy, answerWithin, LONGEST_TIMER_MS } from './wire/answer-within.js';
import { openEnginePool } from './wire/engine-pool.js';
import { type NamedStatement, queryOf } from './wire/named-statement.js';
import { forEachRow } from './wire/row-reader.js';
import type { RowSource } from './wire/row-source.js';
import { UnusableConnection } from './wire/unusable-connection.js';
import type { WireRow } from './wire/wire-row.js';

/**
 * The connections of the engine to the database, apart from the client of the host. So a host whose requests
 * use up its pool does not stop delivery, and delivery never takes connections of the host.
 *
 * When a connection is lost, knowledge is lost too, because the server may have lost commits. So every loss
 * is announced on `losses$`, and every part that held something in memory about the state of the database
 * drops it.
 */
export class EngineDatabase implements EngineSession, RowSource {
  readonly engine: string;
  readonly schema: string;
  /** The names of the tables with their schema. */
  readonly tables: Tables;
  /** Emits when a connection of the engine ended that the engine itself did not end. */
  readonly losses$: Subject<string>;

  /**
   * The texts that a database can hold whose encoding is not UTF8. In values of statements of the engine, a
   * mark replaces what it cannot hold, because no such statement may fail because of a text.
   */
  narrowText: NarrowText | undefined;

  readonly limits: WaitingLimits;
  /** The limit for the answer to a statement that only reads. */
  private readonly readMs: number;
  private readonly around: Surrounding;
  private readonly connections: EngineConnectionFactory;
  private readonly pool: pg.Pool;
  private readonly losses: Losses;
  private readonly clients: EngineClient[] = [];
  private readonly open = new OpenConnections();
  private awake: EngineConnection | undefined;
  private closing = false;

  constructor(private readonly options: EngineDatabaseOptions) {
    this.engine = options.engine ?? DEFAULT_ENGINE;
    this.schema = options.schema;
    this.tables = tablesOf(options.schema);
    this.limits = { ...WAITING_LIMITS, ...options.limits };
    this.around = options.around ?? NOTHING_AROUND;
    this.connections = new EngineConnectionFactory(
      options,
      () => this.losses.announce('the server was replaced'),
      this.around,
    );
    this.losses = new Losses(this.connections);
    this.losses$ = this.losses.announced$;
    const { max = DEFAULT_POOL_SIZE, use = 'engine' } = options;
    this.readMs = Math.min(this.limits.answerMs, READ_LIMITS[use]);
    this.pool = this.openPool(max, NAMES[use], use);
  }

  async query<Row = Record<string, unknown>>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return this.withRawClient((client) => this.sessionOf(client, this.readMs).query<Row>(sql, params));
  }

  /** Runs a statement of the hot path. It is prepared under its name once per connection. */
  async queryNamed<Row = Record<string, unknown>>(
    name: string,
    sql: string,
    params: readonly unknown[],
  ): Promise<Row[]> {
    return this.withRawClient(
      async (client) =>
        (await client.query(queryOf({ name, sql, values: this.storable(params) }))).rows as Row[],
    );
  }

  async forEachRow(statement: NamedStatement, onRow: (row: WireRow) => void): Promise<void> {
    const { awake } = this;
    if (awake?.isFree === true) await this.readThrough(awake, statement, onRow);
    else await this.forEachRowOfMany(statement, onRow);
  }

  /** Does the same as `forEachRow` for an answer that may take long. It always uses the pool. */
  async forEachRowOfMany(statement: NamedStatement, onRow: (row: WireRow) => void): Promise<void> {
    await this.withRawClient((client) => forEachRow(client, statement, onRow));
  }

  /**
   * Is called when a message has just arrived on this connection. The process of its session on the server is
   * awake. So the next read in this turn of the event loop goes through this connection, because waking
   * another session takes longer than reading a page.
   */
  heardFrom(connection: EngineConnection): void {
    this.awake = connection;
    setImmediate(() => {
      this.awake = undefined;
    });
  }

  /**
   * Reads through the connection on which a message has just arrived. It may fall silent all the same. Then
   * polling, which uses the pool, must not wait for it, so the read has a short limit.
   */
  private async readThrough(
    connection: EngineConnection,
    statement: NamedStatement,
    onRow: (row: WireRow) => void,
  ): Promise<void> {
    try {
      await answerWithin(
        this.limits.silentMs,
        this.around(() => connection.forEachRow(statement, onRow)),
      );
    } catch (error) {
      if (isConnectionLoss(error) || isStaleStatement(error)) connection.destroy();
      throw error;
    }
  }

  /**
   * Runs `fn` in one READ COMMITTED transaction of the pool. If it `isLong`, it is work of any number of
   * statements: the limit for an answer holds for each of them, and not for the whole.
   */
  async transaction<R>(fn: (session: EngineSession) => Promise<R>, { isLong = false } = {}): Promise<R> {
    return this.inTransaction(this.limits.answerMs, fn, isLong ? LONGEST_TIMER_MS : undefined);
  }

  /** Runs `fn` in one READ COMMITTED transaction of the pool that can only read. */
  async read<R>(fn: (session: EngineSession) => Promise<R>): Promise<R> {
    return this.inTransaction(this.readMs, async (session) => {
      await onlyRead(session);
      return fn(session);
    });
  }

  /**
   * Runs `fn` so that all of its statements see what was committed when the first of them began. The time
   * limit holds for each statement.
   */
  async readInSnapshot<R>(fn: (source: RowSource) => Promise<R>): Promise<R> {
    return this.around(async () => {
      const client = await this.pool.connect();
      return releaseAfter(client, readSnapshot(client, fn));
    });
  }

  /**
   * Opens a connection beside the pool (heartbeat, LISTEN). If it is `critical`, its loss is announced as a
   * loss of the engine.
   */
  async openDedicated(applicationName: string, critical: boolean): Promise<EngineConnection> {
    const connection = await this.around(() => this.connections.open(applicationName));
    if (critical) connection.ended.then(() => this.losses.announceAndLook(applicationName));
    this.open.addDedicated(connection);
    return connection;
  }

  /**
   * The start time of the server that all connections are with, to the microsecond. Undefined before the
   * first connection.
   */
  get serverStarted(): string | undefined {
    return this.connections.server.started;
  }

  /** Host, port and database, without credentials. */
  get address(): string {
    return this.connections.describe();
  }

  /**
   * Waits until the server can be reached and the engine can use it. Gives up after `deadlineMs` with an
   * error that says what was tried.
   *
   * @param onFailedTry Is called for each attempt that failed and will be repeated, from the first one on.
   */
  async waitUntilReachable(
    deadlineMs: number,
    onFailedTry: (words: string) => void = () => {},
  ): Promise<void> {
    await untilReachable(() => this.query('SELECT 1'), {
      target: () => this.address,
      deadlineMs,
      onFailedTry,
    });
  }

  /**
   * Opens a client of the engine with a pool of its own, so that transactions of handlers cannot take the
   * connections that reading pages and saving need.
   */
  openClient(): EngineClient {
    const max = this.options.max ?? DEFAULT_CLIENT_POOL_SIZE;
    const openPool = () => this.openPool(max, 'nestjs-integration client', 'host');
    const client = new EngineClient(openPool, this.limits.answerMs, max);
    this.clients.push(client);
    return client;
  }

  /**
   * Closes all connections. If a function of a transaction has not ended in time, its connection is cut, and
   * the server rolls the transaction back. The connection to a silent server is cut too, and at once if
   * `isSilent` says that it is known to be silent.
   */
  async close({ isSilent = false } = {}): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    const own = Promise.all([this.losses.close(), this.pool.end()]);
    const ofClients = Promise.all(this.clients.map((client) => client.close()));
    await this.open.close({ own, ofClients, ...closingLimits(this.limits, this.options.use, isSilent) });
    this.losses$.complete();
  }

  private openPool(max: number, applicationName: string, use: SessionUse): pg.Pool {
    const pool = openEnginePool({
      connection: this.connections.config(applicationName, use),
      max,
      pipelines: use === 'host',
      prepare: (client) => this.connections.prepare(client, use),
    });
    pool.on('connect', (client) => {
      let cause: unknown;
      this.open.addPooled(client);
      client.on('error', (error) => {
        cause ??= error;
      });
      client.on('end', () => {
        this.losses.sessionEnded(client, use, applicationName, cause);
      });
    });
    return pool;
  }

  private storable(params: readonly unknown[]): readonly unknown[] {
    const { narrowText } = this;
    return narrowText === undefined ? params : params.map((value) => narrowText.replaceIn(value));
  }

  private inTransaction<R>(
    answerMs: number,
    fn: (session: EngineSession) => Promise<R>,
    wholeMs = this.limits.answerMs,
  ): Promise<R> {
    const sql = BEGINS[this.options.use ?? 'engine'];
    return this.withRawClient((client) => {
      const begin = () => answerOrDestroy(client, this.readMs, client.query(sql));
      const end = (words: string) => answerOrDestroy(client, this.limits.answerMs, client.query(words));
      return inTransaction({ begin, end }, () => fn(this.sessionOf(client, answerMs)));
    }, wholeMs);
  }

  /** @param answerMs the limit for the answer to each statement */
  private sessionOf(client: pg.PoolClient, answerMs: number): EngineSession {
    return {
      query: async <Row>(sql: string, params: readonly unknown[] = []) => {
        const answer = client.query({ text: sql, values: [...this.storable(params)] });
        return (await answerOrDestroy(client, answerMs, answer)).rows as Row[];
      },
    };
  }

  /**
   * Runs statements on a connection of the pool. If the process moved to another server while a statement
   * waited for its connection, the statement is not sent, because the data that it was made from has been
   * dropped since (see `OneServer`).
   */
  private withRawClient<R>(
    run: (client: pg.PoolClient) => Promise<R>,
    wholeMs = this.limits.answerMs,
  ): Promise<R> {
    return this.around(() => this.throughPool(run, wholeMs));
  }

  private async throughPool<R>(run: (client: pg.PoolClient) => Promise<R>, wholeMs: number): Promise<R> {
    const { server } = this.connections;
    const { moves } = server;
    const client = await this.pool.connect();
    if (server.moves !== moves) {
      client.release();
      throw new UnusableConnection('connection error: the server was replaced before the statement was sent');
    }
    return releaseAfter(client, answerWithin(wholeMs, run(client)));
  }
}

/**
 * Gives the client back to the pool when `work` is done. If its connection is lost, or its prepared
 * statements no longer fit, the client is destroyed instead.
 */
async function releaseAfter<R>(client: pg.PoolClient, work: Promise<R>): Promise<R> {
  try {
    const result = await work;
    client.release();
    return result;
  } catch (error) {
    client.release(isConnectionLoss(error) || isStaleStatement(error));
    throw error;
  }
}
