/**
 * The application augments this interface, for the compiler only:
 *
 * - `transaction`: the type of the transaction that `integrationApi.transaction` and `context.transaction`
 *   give. It is the transaction of the application's own client.
 * - `persistenceClient`: what else the option of this name takes, such as the `QueryRunner` of TypeORM.
 * - `strictEvents: true`: an event name must be declared if it has the same part before the first dot as a
 *   declared name. A misspelt `invoice.craeted` besides a declared `invoice.created` is then an error. Names
 *   of other modules may stay undeclared.
 *
 * ```ts
 * declare module 'nestjs-integration' {
 *   interface IntegrationTypes { transaction: Prisma.TransactionClient; strictEvents: true }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: an interface, because only interfaces merge
export interface IntegrationTypes {}
