import { notTheClient } from './not-the-client.js';

/** The part of the TransactionHost of @nestjs-cls/transactional that is used here. */
export interface ClsTransactionHost {
  readonly tx: unknown;
  isTransactionActive(): boolean;
}

/**
 * Finds the transaction of @nestjs-cls/transactional around the calling code. Give it to the option
 * `ambient`.
 *
 * ```ts
 * IntegrationModule.forRootAsync({
 *   imports: [PersistenceModule],
 *   inject: [TransactionHost],
 *   clientToken: DataSource,
 *   useFactory: (host: TransactionHost) => ({ adapter: fromTypeOrm, ambient: clsAmbient(host) }),
 * })
 * ```
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is no TransactionHost
 */
export function clsAmbient(transactionHost: ClsTransactionHost): () => object | undefined {
  if (typeof transactionHost?.isTransactionActive !== 'function') {
    const pkg = '@nestjs-cls/transactional';
    throw notTheClient('clsAmbient', `a TransactionHost of ${pkg}`, pkg, transactionHost);
  }
  return () => (transactionHost.isTransactionActive() ? (transactionHost.tx as object) : undefined);
}
