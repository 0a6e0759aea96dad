import pg from 'pg';

/** What a client of node-postgres takes from the defaults of the process, whatever it is configured with. */
interface Inherited {
  binary: boolean;
  connectionParameters: { query_timeout?: unknown };
}

/**
 * A client of node-postgres without the defaults that a host sets for its own (`pg.defaults`): results as text, and no time limit of the
 * driver's, for which the engine has others.
 */
export class DriverClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    super(config);
    const inherited = this as unknown as Inherited;
    inherited.binary = false;
    inherited.connectionParameters.query_timeout = false;
  }
}
