/**
 * Augmented by the host, for the compiler alone:
 *
 * - `transaction`: what `integrationApi.transaction` and `context.transaction` give, the transaction of the
 *   host's own client.
 * - `strictEvents: true`: an event name that begins as a declared one does, up to the first dot, must be
 *   declared. A misspelt `invoice.craeted` beside a declared `invoice.created` is then an error; names of
 *   other modules stay free.
 *
 * ```ts
 * declare module 'nestjs-integration' {
 *   interface IntegrationTypes { transaction: Prisma.TransactionClient; strictEvents: true }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: an interface, because only interfaces merge
export interface IntegrationTypes {}
