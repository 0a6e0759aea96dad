import type { SagaHistoryEntry, SagaInstance } from '../sagas/saga-instance.js';
import type { TestedApplication } from './application.js';

/** A saga with everything that it did. */
export interface TestedSaga extends SagaInstance {
  history: SagaHistoryEntry[];
}

/**
 * A saga of the application under test: where it stands, its state, what waits for it, and its history.
 * Undefined if it has not begun. Handle the events first, with `publishAndDrain`.
 *
 * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a name or a key that no saga has
 */
export async function sagaOf(
  app: TestedApplication,
  name: string,
  key: string,
): Promise<TestedSaga | undefined> {
  // An application without sagas loads nothing of them.
  const { SagasService } = await import('../sagas/sagas.service.js');
  const sagas = app.get(SagasService, { strict: false });
  const found = await sagas.get(name, key);
  return found && { ...found, history: await sagas.history(name, key) };
}
