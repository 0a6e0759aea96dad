import type { StatementGate } from '../database/clients/statement-gate.js';

interface Connection {
  executeQuery(query: { readonly sql: string }, ...more: unknown[]): Promise<unknown>;
  streamQuery(query: { readonly sql: string }, ...more: unknown[]): unknown;
}

type Provide = (consumer: (connection: object) => unknown, ...more: unknown[]) => Promise<unknown>;

interface Kysely {
  withPlugin(plugin: object): Kysely;
  getExecutor(): { provideConnection: Provide };
  transaction(): {
    setIsolationLevel(level: 'read committed'): { execute(fn: (trx: never) => unknown): Promise<unknown> };
  };
}

/** A plugin that changes nothing. A Kysely with a plugin more has an executor of its own. */
const NO_CHANGE = {
  transformQuery: ({ node }: { node: unknown }) => node,
  transformResult: async ({ result }: { result: unknown }) => result,
};

/**
 * Runs a transaction of Kysely whose statements pass a gate. Kysely hides the connection of a transaction,
 * and makes new executors for it as plugins are added. All of them send through the connection that the
 * executor provides when the transaction begins. So an executor of our own provides one that has the gate.
 */
export function guardedTransaction<R>(
  db: object,
  run: (trx: never) => Promise<R>,
  gate: StatementGate,
): Promise<R> {
  const own = (db as Kysely).withPlugin(NO_CHANGE);
  const executor = own.getExecutor();
  const provide = executor.provideConnection.bind(executor) as Provide;
  executor.provideConnection = (consumer, ...more) =>
    provide((connection) => consumer(guardedConnection(connection as Connection, gate)), ...more);
  return own.transaction().setIsolationLevel('read committed').execute(run) as Promise<R>;
}

function guardedConnection(connection: Connection, gate: StatementGate): Connection {
  const own: Connection = {
    executeQuery: (query, ...more) => gate.pass(query, () => connection.executeQuery(query, ...more)),
    streamQuery: (query, ...more) => {
      const refusal = gate.refuses(query);
      if (refusal !== undefined) throw refusal;
      return connection.streamQuery(query, ...more);
    },
  };
  return new Proxy(connection, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return own[name as keyof Connection];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A transaction of a Kysely whose beginning is not ours, as in MikroORM 7. */
export function guardKysely<Trx extends object>(trx: Trx, gate: StatementGate): Trx {
  const kysely = trx as unknown as Pick<Connection, 'executeQuery'>;
  const { executeQuery } = kysely;
  kysely.executeQuery = (query, ...more) => gate.pass(query, () => executeQuery.call(kysely, query, ...more));
  return trx;
}
