import { notTheClient } from './not-the-client.js';

/** What is used of the TransactionHost of @nestjs-cls/transactional. */
export interface ClsTransactionHost {
  readonly tx: unknown;
  isTransactionActive(): boolean;
}

/**
 * The transaction of @nestjs-cls/transactional that surrounds the calling code, for the option `ambient`.
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
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID for what is no TransactionHost
 */
export function clsAmbient(transactionHost: ClsTransactionHost): () => object | undefined {
  if (typeof transactionHost?.isTransactionActive !== 'function') {
    const pkg = '@nestjs-cls/transactional';
    throw notTheClient('clsAmbient', `a TransactionHost of ${pkg}`, pkg, transactionHost);
  }
  return () => (transactionHost.isTransactionActive() ? (transactionHost.tx as object) : undefined);
}
