import { authorOf } from '../../audit/change-author.js';
import { isUuid } from '../../words/text.js';
import { ConnectionStore } from '../connections/connection.store.js';
import { changeConnections } from '../connections/connection-changes.js';
import { saveHealth } from '../connections/connection-health.js';
import type { OpenedConnection } from '../credentials/opened-connection.js';
import type { Problem } from '../definition/connector.js';
import {
  invalidConnection,
  sentencesOf,
  unknownConnection,
  wrongState,
} from '../definition/connector-errors.js';
import type { TenantParts } from './tenant-parts.js';

/**
 * A connection that is enabled and fits its connector. One whose config does not fit a new version of its
 * connector any more is degraded from then on.
 *
 * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN, INTEGRATION_CONNECTION_STATE,
 * INTEGRATION_CONNECTION_INVALID
 */
export async function usable(tenantId: string, id: string, parts: TenantParts): Promise<OpenedConnection> {
  if (!isUuid(id)) throw unknownConnection(id);
  const opened = await parts.memory.get(tenantId, id);
  const { connection, problems } = opened;
  if (connection.state !== 'enabled')
    throw wrongState(id, connection.state, 'only one that is enabled is used');
  if (problems.length === 0) return opened;
  if (connection.health !== 'degraded') await setDegraded(opened, problems, parts);
  throw invalidConnection(`The config of the connection ${id} does not fit its connector any more`, problems);
}

async function setDegraded(
  { connection: { tenantId, id } }: OpenedConnection,
  problems: readonly Problem[],
  parts: TenantParts,
): Promise<void> {
  const store = new ConnectionStore(parts.db);
  const reason = `Its config does not fit its connector any more: ${sentencesOf(problems)}`;
  await changeConnections(parts, async (change) => {
    const row = await store.lock(change.session, tenantId, id);
    if (row !== undefined) await saveHealth(change, store, row, { health: 'degraded', reason }, authorOf({}));
  });
  parts.memory.forget(id);
}
