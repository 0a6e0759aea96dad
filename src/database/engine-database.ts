import type pg from 'pg';
import type { Subject } from 'rxjs';
import { EngineClient } from './clients/engine-client.js';
import { isConnectionLoss, isStaleStatement } from './connection/connection-loss.js';
import {
  type ConnectionTarget,
  type EngineConnection,
  EngineConnectionFactory,
  type SessionUse,
} from './connection/engine-connection.js';
import { Losses } from './connection/losses.js';
import { answerLimit } from './connection/session-settings.store.js';
import { untilReachable } from './connection/until-reachable.js';
import { inTransaction } from './sql/in-transaction.store.js';
import type { NarrowText } from './sql/narrow-text.js';
import { readSnapshot } from './sql/snapshot.store.js';
import { type Tables, tablesOf } from './sql/tables.js';
import { answerWithin, SILENT_AFTER_MS } from './wire/answer-within.js';
import { openEnginePool } from './wire/engine-pool.js';
import { type NamedStatement, queryOf } from './wire/named-statement.js';
import { forEachRow } from './wire/row-reader.js';
import type { RowSource } from './wire/row-source.js';
import { UnusableConnection } from './wire/unusable-connection.js';
import { cutOff } from './wire/wire.js';
import type { WireRow } from './wire/wire-row.js';

/** Statements of one open transaction, or of the pool. */
export interface EngineSession {
  /** Runs one statement; resolves to its rows. bigint columns come as numbers. */
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}

export interface EngineDatabaseOptions extends ConnectionTarget {
  /** A validated schema name; statements are written for it. */
  schema: string;
  /** Connections of a pool: of the engine's (default 4), and of a client's of its own (default 12). */
  max?: number | undefined;
}

const DEFAULT_POOL_SIZE = 4;
/** As many as handlers of a consumer run at once by default. */
const DEFAULT_CLIENT_POOL_SIZE = 12;
/** How long `close` waits for transactions that have not ended, and for connections to. */
const CLOSE_WITHIN_MS = 10_000;

/**
 * The engine's own way to the database, apart from the host's client: a host whose pool is exhausted by its
 * requests does not stop delivery, and delivery never takes the host's connections.
 *
 * A lost connection is lost knowledge (the server may have lost commits with it), so every loss is announced
 * on `losses$`, and what was held in memory about the database's state is given up by whoever held it.
 */
export class EngineDatabase implements EngineSession, RowSource {
  readonly schema: string;
  /** Its tables, as statements name them. */
  readonly tables: Tables;
  /** Emits when a connection of the engine ended that we did not end. */
  readonly losses$: Subject<string>;

  /**
   * What a database that is not UTF8 can hold. The engine's own statements get a mark for what it cannot:
   * none may fail for a text.
   */
  narrowText: NarrowText | undefined;

  private readonly connections: EngineConnectionFactory;
  private readonly pool: pg.Pool;
  private readonly losses: Losses;
  private readonly clients: EngineClient[] = [];
  /** Of all pools, until they have ended. */
  private readonly connected = new Set<pg.PoolClient>();
  private awake: EngineConnection | undefined;
  private closing = false;

  constructor(private readonly options: EngineDatabaseOptions) {
    this.schema = options.schema;
    this.tables = tablesOf(options.schema);
    this.connections = new EngineConnectionFactory(options, () =>
      this.losses.announce('the server was replaced'),
    );
    this.losses = new Losses(this.connections);
    this.losses$ = this.losses.announced$;
    this.pool = this.openPool(options.max ?? DEFAULT_POOL_SIZE, 'nestjs-integration', 'engine');
  }

  async query<Row = Record<string, unknown>>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return this.withClient((session) => session.query<Row>(sql, params));
  }

  /** A statement of the hot path, prepared under its name once per connection. */
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

  /** The same for an answer that may take its time: through the pool, whatever is awake. */
  async forEachRowOfMany(statement: NamedStatement, onRow: (row: WireRow) => void): Promise<void> {
    await this.withRawClient((client) => forEachRow(client, statement, onRow));
  }

  /**
   * This connection has just been heard: its session is awake, and what is read next, in this turn of the
   * event loop, is read through it. To wake another one takes longer than to read a page.
   */
  heardFrom(connection: EngineConnection): void {
    this.awake = connection;
    setImmediate(() => {
      this.awake = undefined;
    });
  }

  /**
   * That it was heard says nothing of the next moment. If it has fallen silent, polling, which goes through
   * the pool, must not wait for it.
   */
  private async readThrough(
    connection: EngineConnection,
    statement: NamedStatement,
    onRow: (row: WireRow) => void,
  ): Promise<void> {
    try {
      await answerWithin(SILENT_AFTER_MS, connection.forEachRow(statement, onRow));
    } catch (error) {
      if (isConnectionLoss(error) || isStaleStatement(error)) connection.destroy();
      throw error;
    }
  }

  /** Runs `fn` inside one READ COMMITTED transaction of the pool. */
  async transaction<R>(fn: (session: EngineSession) => Promise<R>): Promise<R> {
    return this.withRawClient((client) => inTransaction(client, () => fn(this.sessionOf(client))));
  }

  /**
   * Statements of `fn` all see what was committed when the first of them began. Each has the time that a
   * statement has; together they may take longer.
   */
  async readInSnapshot<R>(fn: (source: RowSource) => Promise<R>): Promise<R> {
    const client = await this.pool.connect();
    return releaseAfter(client, readSnapshot(client, fn));
  }

  /**
   * A connection of its own beside the pool (heartbeat, LISTEN). Its loss counts as a loss of the engine's if
   * `critical`.
   */
  async openDedicated(applicationName: string, critical: boolean): Promise<EngineConnection> {
    const connection = await this.connections.open(applicationName);
    if (critical) connection.ended.then(() => this.losses.announceAndLook(applicationName));
    return connection;
  }

  /**
   * When the server was started that all connections are with, to the microsecond; undefined before the first
   * one.
   */
  get serverStarted(): string | undefined {
    return this.connections.server.started;
  }

  /**
   * Waits until the server can be reached and is fit for the engine; gives up after `deadlineMs`, saying what
   * it tried.
   *
   * @param onFailedTry is told of each try that failed and will be repeated, from the first one on
   */
  async waitUntilReachable(
    deadlineMs: number,
    onFailedTry: (words: string) => void = () => {},
  ): Promise<void> {
    await untilReachable(() => this.query('SELECT 1'), {
      target: () => this.connections.describe(),
      deadlineMs,
      onFailedTry,
    });
  }

  /**
   * A client of the engine's own, with a pool of its own: transactions of handlers cannot starve pages and
   * saves.
   */
  openClient(): EngineClient {
    const max = this.options.max ?? DEFAULT_CLIENT_POOL_SIZE;
    const client = new EngineClient(() => this.openPool(max, 'nestjs-integration client', 'host'));
    this.clients.push(client);
    return client;
  }

  /**
   * A transaction whose function has still not ended is cut off, and the server rolls it back; so is a server
   * that is silent.
   */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    await this.losses.close();
    const closed = [this.pool.end(), ...this.clients.map((client) => client.close())];
    // A pool ends with its last farewell, and does not wait for the server's.
    const ended = [...this.connected].map((client) => new Promise((end) => client.once('end', end)));
    await answerWithin(CLOSE_WITHIN_MS, Promise.all([...closed, ...ended])).catch(() => {
      for (const client of this.connected) cutOff(client);
    });
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
      this.connected.add(client);
      client.on('error', (error) => {
        cause ??= error;
      });
      client.on('end', () => {
        this.connected.delete(client);
        this.losses.sessionEnded(client, use, applicationName, cause);
      });
    });
    return pool;
  }

  private storable(params: readonly unknown[]): readonly unknown[] {
    const { narrowText } = this;
    return narrowText === undefined ? params : params.map((value) => narrowText.replaceIn(value));
  }

  private sessionOf(client: pg.ClientBase): EngineSession {
    return {
      query: async <Row>(sql: string, params: readonly unknown[] = []) =>
        (await client.query({ text: sql, values: [...this.storable(params)] })).rows as Row[],
    };
  }

  private withClient<R>(run: (session: EngineSession) => Promise<R>): Promise<R> {
    return this.withRawClient((client) => run(this.sessionOf(client)));
  }

  /**
   * A statement that has waited for its connection until another server was found is not sent: whoever put it
   * together has been told since to drop what it knew (see `OneServer`).
   */
  private async withRawClient<R>(run: (client: pg.PoolClient) => Promise<R>): Promise<R> {
    const { server } = this.connections;
    const { moves } = server;
    const client = await this.pool.connect();
    if (server.moves !== moves) {
      client.release();
      throw new UnusableConnection('connection error: the server was replaced before the statement was sent');
    }
    return releaseAfter(client, answerWithin(answerLimit(), run(client)));
  }
}

/** Gives the client back when `work` is done; one that lost its connection is destroyed instead. */
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
