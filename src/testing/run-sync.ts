import type { SyncKind } from '../connectors/definition/sync.js';
import type { SyncRun } from '../connectors/syncs/stream.js';
import { checkNames } from '../words/argument-checks.js';
import type { TestedApplication } from './application.js';

export interface RunSyncOptions {
  /** Default: what the sync does by itself. */
  kind?: SyncKind | undefined;
  /** Milliseconds until nothing may be due any more. The default is 10000. */
  timeoutMs?: number | undefined;
}

/**
 * Runs a sync of a connection now, until it has ended or waits, and returns the run. Its events are then in
 * the log, for `publishAndDrain`.
 *
 * @throws IntegrationError INTEGRATION_SYNC_UNKNOWN, INTEGRATION_SYNC_RUNNING, INTEGRATION_SYNC_STATE;
 * INTEGRATION_DRAIN_TIMEOUT if this takes too long, or another process has the lanes
 */
export async function runSync(
  app: TestedApplication,
  connection: { readonly id: string; readonly tenantId: string },
  sync: string,
  options: RunSyncOptions = {},
): Promise<SyncRun> {
  checkNames('an option of runSync', options, ['kind', 'timeoutMs']);
  // An application without connectors loads nothing of them.
  const { SyncsService } = await import('../connectors/syncs/syncs.service.js');
  const { ConnectorsEngine } = await import('../connectors/connectors-engine.js');
  const syncs = app.get(SyncsService, { strict: false }).forTenant(connection.tenantId);
  const { kind, timeoutMs } = options;
  await syncs.start(connection.id, sync, kind);
  await app.get(ConnectorsEngine, { strict: false }).syncs.runDue({ timeoutMs });
  const { lastRun } = await syncs.status(connection.id, sync);
  if (lastRun === null) throw new Error(`The sync ${sync} has not run`);
  return lastRun;
}
