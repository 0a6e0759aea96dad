import * as pg from 'pg';
import { cutOff } from './wire.js';

/**
 * The properties that a client of node-postgres takes from the defaults of the process, even if its
 * configuration says otherwise.
 */
interface Inherited {
  binary: boolean;
  connectionParameters: { query_timeout?: unknown };
}

type OnConnect = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/**
 * A client of node-postgres that ignores the defaults of the host (`pg.defaults`). Results are texts, and the
 * driver has no time limit, because the engine has its own limits. The client leaves no socket open if it
 * cannot connect.
 */
export class DriverClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    super(config);
    const inherited = this as unknown as Inherited;
    inherited.binary = false;
    inherited.connectionParameters.query_timeout = false;
  }

  override connect(): Promise<this>;
  override connect(callback: OnConnect): void;
  override connect(callback?: OnConnect): Promise<this> | undefined {
    if (callback === undefined) {
      return new Promise((resolve, reject) => {
        this.connect((error: Error | null) => (error ? reject(error) : resolve(this)));
      });
    }
    super.connect((error: Error | null) => {
      // If a password function fails, the driver leaves its socket open. The server would wait a minute for
      // the password.
      if (error) cutOff(this);
      (callback as (error: Error | null, client: this) => void)(error, this);
    });
    return undefined;
  }
}
