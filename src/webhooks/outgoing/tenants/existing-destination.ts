import type { EngineDatabase } from '../../../database/engine-database.js';
import { DestinationLookStore, type ListedDestination } from '../destinations/destination-look.store.js';
import { unknownDestination } from './unknown-destination.js';

/**
 * A destination of any tenant, for admins, who name it by its id alone.
 *
 * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN
 */
export async function existingDestination(
  db: Pick<EngineDatabase, 'query' | 'tables'>,
  id: string,
): Promise<ListedDestination> {
  const row = await new DestinationLookStore(db).ofId(id);
  if (row === undefined) throw unknownDestination(id);
  return row;
}
