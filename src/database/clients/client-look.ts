import { IntegrationError, messageOf } from '../../errors.js';
import { isConnectionLoss, sqlStateOf } from '../connection/connection-loss.js';
import { answerWithin } from '../wire/answer-within.js';
import { listChangedValues } from './client-look.store.js';
import type { SqlClient } from './sql-client.js';

/** A client that has no answer by then is not waited for: the engine does not need it at boot. */
const LOOK_WITHIN_MS = 5_000;

/**
 * Looks whether the host's client carries values as they are, before an event is kept as something else.
 * Resolves to why the look was not possible, where the client cannot reach its server now: that says nothing
 * about how it carries values.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID for a client that changes them, or whose statement the
 * server does not understand
 */
export async function refuseChangingClient(client: SqlClient): Promise<string | undefined> {
  let changed: string[];
  try {
    changed = await answerWithin(LOOK_WITHIN_MS, listChangedValues(client));
  } catch (cause) {
    if (isConnectionLoss(cause) || sqlStateOf(cause) === undefined) return messageOf(cause);
    throw new IntegrationError(
      'INTEGRATION_CLIENT_INVALID',
      `The host's client could not run a statement with $1 … parameters: ${messageOf(cause)}. $queryRawUnsafe(sql, ...values) must send the statement and its values to Postgres as they are.`,
      {},
      { cause },
    );
  }
  if (changed.length === 0) return undefined;
  throw new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    `The host's client changes values on their way to Postgres or back: ${changed.join(', ')}. Events would be kept as something else than was published. $queryRawUnsafe(sql, ...values) must send a string as it is, as the text of its $n parameter, and resolve to an array of rows.`,
    { changed },
  );
}
