import * as pg from 'pg';
import { DriverClient } from './driver-client.js';

interface EnginePoolConfig {
  /** As node-postgres has it. */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly max: number;
  /** Its connections send a statement without waiting for the answers to those before it. */
  readonly pipelines: boolean;
  /** Of each new connection, before it is lent to anybody; one that this rejects is ended. */
  readonly prepare: (client: pg.PoolClient) => Promise<unknown>;
}

/** What node-postgres' pool and its clients take, and its types do not name. */
interface UntypedOptions extends pg.PoolConfig {
  readonly Client: typeof DriverClient;
  readonly pipeline: boolean;
  readonly verify: (client: pg.PoolClient, done: (error?: Error) => void) => void;
}

/** A pool whose connections stay open, and that ends no process: its errors are heard. */
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
  // An idle client emits `error` when the server goes away; unheard, it would end the process.
  pool.on('error', () => {});
  return pool;
}
