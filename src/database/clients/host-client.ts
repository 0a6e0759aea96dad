import { IntegrationError } from '../../errors.js';
import { DEFAULT_ENGINE } from '../../words/engine-name.js';
import { AdaptedClient } from './adapted-client.js';
import { type AdapterFactory, isHostAdapter } from './host-adapter.js';
import { isSqlClient, type SqlClient, type TransactionalSqlClient } from './sql-client.js';

/** The transaction in which the calling code runs, as a library of the host knows it. */
export interface AmbientTransaction {
  readonly current: () => object | undefined;
  /**
   * Whether publishing without `persistenceClient` takes part in this transaction. Otherwise it is refused.
   */
  readonly joins: boolean;
}

/**
 * The host's client inside the container. It is held in a wrapper and is never a provider value of its own,
 * because Nest would then run the client's lifecycle hooks a second time.
 */
export class HostClient {
  private readonly find: () => TransactionalSqlClient;

  /**
   * @param source the client, or a function that finds it, because it may not have been made yet
   * @param engine the name of the engine whose client it is
   */
  constructor(
    source: TransactionalSqlClient | (() => TransactionalSqlClient),
    readonly ambient?: AmbientTransaction,
    readonly engine: string = DEFAULT_ENGINE,
  ) {
    this.find = typeof source === 'function' ? source : () => source;
  }

  get client(): TransactionalSqlClient {
    return this.find();
  }

  /**
   * Returns what the statements of a call go through: the transaction that was given, or the client.
   *
   * @throws IntegrationError INTEGRATION_CLIENT_IS_ROOT or INTEGRATION_CLIENT_INVALID
   */
  within(persistenceClient: unknown): SqlClient {
    const { client } = this;
    if (persistenceClient === undefined) return client;
    const adapted = AdaptedClient.of(client);
    const transaction = adapted?.open(persistenceClient);
    if (transaction !== undefined) return transaction;
    if (isSqlClient(persistenceClient)) return persistenceClient;
    throw (
      adapted?.refusal() ??
      new IntegrationError(
        'INTEGRATION_CLIENT_INVALID',
        'persistenceClient is not a client: it needs the functions $queryRawUnsafe and $executeRawUnsafe',
      )
    );
  }
}

/**
 * Makes the host's client of what the application gave: the client itself, an adapter, or something of which
 * `adapter` makes one.
 */
export function clientFrom(given: unknown, adapter: AdapterFactory | undefined): TransactionalSqlClient {
  if (adapter !== undefined) return new AdaptedClient(adapter(given as never));
  return isHostAdapter(given) ? new AdaptedClient(given) : (given as TransactionalSqlClient);
}
