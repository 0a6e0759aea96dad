import * as pg from 'pg';
import { DriverClient } from './driver-client.js';

interface EnginePoolConfig {
  /** The configuration of a connection in the form of node-postgres. */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly max: number;
  /** Whether the connections send a statement without waiting for the answers to earlier ones. */
  readonly pipelines: boolean;
  /** Is called for each new connection before it is lent. If it rejects, the connection is ended. */
  readonly prepare: (client: pg.PoolClient) => Promise<unknown>;
}

/** Options that the pool of node-postgres and its clients take, and that its types do not name. */
interface UntypedOptions extends pg.PoolConfig {
  readonly Client: typeof DriverClient;
  readonly pipeline: boolean;
  readonly verify: (client: pg.PoolClient, done: (error?: Error) => void) => void;
}

/** Opens a pool whose connections stay open. Its errors have a listener, so they do not end the process. */
export function openEnginePool({ connection, max, pipelines, prepare }: EnginePoolConfig): pg.Pool {
  const options: UntypedOptions = {
    ...connection,
    Client: DriverClient,
    max,
    pipeline: pipelines,
    idleTimeoutMillis: 0,
    verify: (client, done) => {
      prepare(client).then(() => done(), done);
    },
  };
  const pool = new pg.Pool(options as pg.PoolConfig);
  // An idle client emits `error` when the server goes away. Without a listener this would end the process.
  pool.on('error', () => {});
  return pool;
}
