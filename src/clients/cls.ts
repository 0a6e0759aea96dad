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
 */
export function clsAmbient(transactionHost: ClsTransactionHost): () => object | undefined {
  return () => (transactionHost.isTransactionActive() ? (transactionHost.tx as object) : undefined);
}
