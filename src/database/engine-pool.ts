import pg from 'pg';
import { isConnectionLoss } from './connection-loss.js';

/**
 * A pool that hands out no connection from before a loss. Such a one may still reach a server that was left for another, and works there
 * as ever: what it answers is not what the other one says.
 */
export class EnginePool {
  private readonly pool: pg.Pool;
  private readonly eras = new WeakMap<object, number>();

  /**
   * @param config node-postgres'; said without its types, which users have not installed.
   * @param era how many losses there have been.
   * @param onEnd a connection ended that was opened in this era.
   */
  constructor(
    config: object,
    private readonly era: () => number,
    onEnd: (era: number) => void,
  ) {
    this.pool = new pg.Pool(config as pg.PoolConfig);
    // An idle client emits `error` when the server goes away; unheard, it would end the process.
    this.pool.on('error', () => {});
    this.pool.on('connect', (client) => {
      const openedIn = era();
      this.eras.set(client, openedIn);
      client.on('error', () => {});
      client.on('end', () => onEnd(openedIn));
    });
  }

  async connect(): Promise<pg.PoolClient> {
    for (let old = 0; ; old++) {
      const client = await this.pool.connect();
      if (this.isCurrent(client)) return client;
      client.release(true);
      // Whoever resolves to two servers in turn is told of a loss with each connection.
      if (old > this.pool.options.max)
        throw new Error('connection terminated: the server was replaced while connections to it were opened');
    }
  }

  /** Whether nothing was lost since it was opened. */
  isCurrent(client: object): boolean {
    return this.eras.get(client) === this.era();
  }

  async query(query: pg.QueryConfig): Promise<pg.QueryResult> {
    const client = await this.connect();
    return releaseAfter(client, client.query(query));
  }

  end(): Promise<void> {
    return this.pool.end();
  }
}

/** Gives the client back when `work` is done; one that lost its connection is destroyed instead. */
export async function releaseAfter<R>(client: pg.PoolClient, work: Promise<R>): Promise<R> {
  try {
    const result = await work;
    client.release();
    return result;
  } catch (error) {
    client.release(isConnectionLoss(error));
    throw error;
  }
}
