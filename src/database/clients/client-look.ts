import { IntegrationError, messageOf } from '../../errors.js';
import { isConnectionLoss, sqlStateOf } from '../connection/connection-loss.js';
import { answerWithin } from '../wire/answer-within.js';
import { listChangedValues } from './client-look.store.js';
import type { SqlClient } from './sql-client.js';

/** The longest wait for an answer of the client, because the engine does not need the client at boot. */
const LOOK_WITHIN_MS = 5_000;

/**
 * Checks that the host's client carries values as they are, before it stores an event as something else. If
 * the client cannot reach its server now, this resolves to the reason, because the check was not possible.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the client changes values, or if the server does
 * not understand its statement
 */
export async function refuseChangingClient(client: SqlClient): Promise<string | undefined> {
  let changed: string[];
  try {
    changed = await answerWithin(LOOK_WITHIN_MS, listChangedValues(client));
  } catch (cause) {
    if (isConnectionLoss(cause) || sqlStateOf(cause) === undefined) return messageOf(cause);
    throw new IntegrationError(
      'INTEGRATION_CLIENT_INVALID',
      `The host's client could not run a statement with $1 … parameters: ${messageOf(cause)}. $queryRawUnsafe(sql, ...values) must send the statement and its values to Postgres as they are`,
      {},
      { cause },
    );
  }
  if (changed.length === 0) return undefined;
  throw new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    `The host's client changes values on their way to Postgres or back: ${changed.join(', ')}. Events would be kept as something else than was published. $queryRawUnsafe(sql, ...values) must send a string as it is, as the text of its $n parameter, and resolve to an array of rows`,
    { changed },
  );
}
