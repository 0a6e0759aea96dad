import type pg from 'pg';
import { IntegrationError } from '../errors.js';
import type { EngineConnection } from './connection/engine-connection.js';
import { endsWithin } from './wire/answer-within.js';
import { cutOff } from './wire/wire.js';

/** The ends of the pools, and for how many milliseconds each step may be waited for. */
interface EndingPools {
  readonly own: Promise<unknown>;
  readonly ownMs: number;
  readonly ofClients: Promise<unknown>;
  readonly closeMs: number;
  readonly silentMs: number;
}

/** The connections that have not ended, so that none is left when the database is closed. */
export class OpenConnections {
  private readonly pooled = new Set<pg.PoolClient>();
  private readonly dedicated = new Set<EngineConnection>();
  private areCut = false;

  addPooled(client: pg.PoolClient): void {
    this.pooled.add(client);
    client.on('end', () => this.pooled.delete(client));
  }

  /** Adds a connection beside the pools. Throws if all connections were cut while it was being opened. */
  addDedicated(connection: EngineConnection): void {
    if (this.areCut) {
      connection.destroy();
      throw new IntegrationError('INTEGRATION_CLOSED', 'The application is shutting down');
    }
    this.dedicated.add(connection);
    connection.ended.then(() => this.dedicated.delete(connection));
  }

  /**
   * Waits for the end of the pools. That end means only that their last messages were sent. So this also
   * waits until the server has closed the connections. What is left then is cut, and everything else that
   * waits for an answer fails.
   */
  async close({ own, ownMs, ofClients, closeMs, silentMs }: EndingPools): Promise<void> {
    const ended = [...this.pooled].map((client) => new Promise((end) => client.once('end', end)));
    ofClients.catch(() => {});
    const isClosed =
      (await endsWithin(ownMs, own).catch(() => false)) &&
      (await endsWithin(closeMs, ofClients).catch(() => false)) &&
      (await endsWithin(silentMs, Promise.all(ended)));
    if (isClosed) return;
    this.areCut = true;
    for (const client of this.pooled) cutOff(client);
    for (const connection of this.dedicated) connection.destroy();
  }
}
