import { IntegrationError } from '../../errors.js';
import type { Tables } from './tables.js';

/** The SQLSTATE with which the fence refuses the COMMIT of a rehearsal. */
export const COMMIT_OF_REHEARSAL = 'NI001';

/** What asks through the client of a caller. */
interface Asking {
  $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): PromiseLike<T>;
}

/**
 * Refuses a write of the package that is not part of the transaction of the rehearsal around it. Only that
 * transaction sees its fence, because no other transaction sees a row that is not committed. So this holds
 * for every client, and for savepoints.
 *
 * @throws IntegrationError INTEGRATION_REHEARSAL_OUTSIDE
 */
export async function requireInRehearsal(
  client: Asking,
  { integrationRehearsal }: Tables,
  fence: string,
): Promise<void> {
  const seen = await client.$queryRawUnsafe<unknown[]>(
    `SELECT state FROM ${integrationRehearsal} WHERE id = $1::text::uuid`,
    fence,
  );
  if (seen.length > 0) return;
  throw new IntegrationError(
    'INTEGRATION_REHEARSAL_OUTSIDE',
    'This handler is rehearsed, and what it writes must be rolled back: a write outside of context.transaction was refused. A delivery would make it. To rehearse the handler, pass { persistenceClient: context.transaction }',
  );
}
