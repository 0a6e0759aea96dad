import type pg from 'pg';
import { isConnectionLoss, isStaleStatement } from './connection/connection-loss.js';

/**
 * Gives the client back to the pool when `work` is done. If its connection is lost, or its prepared
 * statements no longer fit, the client is destroyed instead.
 */
export async function releaseAfter<R>(client: pg.PoolClient, work: Promise<R>): Promise<R> {
  try {
    const result = await work;
    client.release();
    return result;
  } catch (error) {
    client.release(isConnectionLoss(error) || isStaleStatement(error));
    throw error;
  }
}
