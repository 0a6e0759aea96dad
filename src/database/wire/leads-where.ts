interface ConnectionParameters {
  readonly host?: unknown;
  readonly port?: unknown;
  readonly database?: unknown;
}

interface Connecting {
  readonly connectionParameters?: ConnectionParameters;
}

/**
 * Whether a client of node-postgres leads to the database that the clients of a pool lead to. A client of the
 * pool is made to tell, and does not connect.
 */
export function leadsWhere(pool: object): (client: object) => boolean {
  const { Client, options } = pool as { Client?: new (options: unknown) => Connecting; options?: unknown };
  const here = typeof Client === 'function' ? new Client(options).connectionParameters : undefined;
  return (client) => {
    const there = (client as Connecting).connectionParameters;
    if (there === undefined) return false;
    if (here === undefined) return true;
    return here.host === there.host && here.port === there.port && here.database === there.database;
  };
}
