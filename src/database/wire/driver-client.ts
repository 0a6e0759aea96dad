import * as pg from 'pg';
import { cutOff } from './wire.js';

/** What a client of node-postgres takes from the defaults of the process, whatever it is configured with. */
interface Inherited {
  binary: boolean;
  connectionParameters: { query_timeout?: unknown };
}

type OnConnect = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/**
 * A client of node-postgres without the defaults that a host sets for its own (`pg.defaults`): results as
 * text, and no time limit of the driver's, for which the engine has others. And one that leaves no socket
 * behind where it cannot connect.
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
      // A password function that fails leaves the driver's socket open: the server would wait a minute for
      // the password.
      if (error) cutOff(this);
      (callback as (error: Error | null, client: this) => void)(error, this);
    });
    return undefined;
  }
}
