import { AdaptedTransaction } from './adapted-client.js';
import { EngineTransaction } from './engine-transaction.js';
import { PgSqlClient } from './pg-sql-client.js';
import type { SqlClient } from './sql-client.js';
import { StatementGate } from './statement-gate.js';

/** A transaction as a handler gets it: for as long as its attempt runs. */
export interface LentTransaction {
  /** What the handler gets: the library's own transaction, or the client. */
  readonly native: object;
  /**
   * Refuses what the handler sends from now on. Resolves when nothing of it is in flight. Returns undefined
   * if it cannot be told what is in flight.
   */
  takeBack(error: Error): Promise<void> | undefined;
  /** Whether a statement of it is in flight. Undefined if that is not known. */
  readonly isBusy: boolean | undefined;
}

class Lent implements LentTransaction {
  constructor(
    readonly native: object,
    private readonly client: {
      refuse(error: Error): Promise<void> | undefined;
      readonly isBusy: boolean | undefined;
    },
  ) {}

  get isBusy(): boolean | undefined {
    return this.client.isBusy;
  }

  takeBack(error: Error): Promise<void> | undefined {
    return this.client.refuse(error);
  }
}

/** Lends a transaction to a handler. */
export function lend(client: SqlClient): LentTransaction {
  if (client instanceof EngineTransaction || client instanceof PgSqlClient) return new Lent(client, client);
  if (client instanceof AdaptedTransaction) return new Lent(client.native, client);
  const gate = new StatementGate();
  const takeBack = (error: Error) => {
    // What of it is in flight is not known, because looking at a promise of Prisma would send its statement.
    gate.close(error);
    gate.end();
    return undefined;
  };
  return { native: guarded(client, gate), takeBack, isBusy: undefined };
}

const OF_EVERY_OBJECT = new Set(Object.getOwnPropertyNames(Object.prototype));

/** A client of the host's own shape that can be taken back. */
function guarded(client: SqlClient, gate: StatementGate): object {
  const methods = new Map<string, unknown>();
  // The client may be frozen. A proxy of it could not give other functions then.
  return new Proxy(Object.create(client) as object, {
    get(_, name) {
      const value: unknown = Reflect.get(client, name, client);
      if (typeof name === 'symbol' || OF_EVERY_OBJECT.has(name)) return value;
      if (typeof value === 'function') {
        const refusal = gate.refuses(undefined);
        if (refusal !== undefined) return () => Promise.reject(refusal);
        if (!methods.has(name)) methods.set(name, value.bind(client));
        return methods.get(name);
      }
      // For example a model of Prisma.
      const refusal = typeof value === 'object' && value !== null ? gate.refuses(undefined) : undefined;
      if (refusal !== undefined) throw refusal;
      return value;
    },
  });
}
