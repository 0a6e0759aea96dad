import { authorOf } from '../../audit/change-author.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { Ended, LaneLimits, LaneWork, Outcome } from '../../lanes/lane-work.js';
import { ConnectionStore } from '../connections/connection.store.js';
import { ConnectionWorkStore, type DueOfConnection, HEALTH } from '../connections/connection-work.store.js';
import { testConnection } from './connection-test.js';
import type { TenantParts } from './tenant-parts.js';
import { followWebhook } from './webhook-turn.js';

export const CONNECTION_LANES = 'connection';

/** In one process. Of one connection, one thing at a time is done. */
const MOST_AT_ONCE = 10;
const LONGEST_RUN_MS = 60_000;
/** Another process may have the connector that this one does not have. */
const WITHOUT_CONNECTOR_MS = 60_000;
/** Each run notes by itself what came of it, so a connection is never probed. */
const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * What is due for connections, as work of lanes: subscribing at the other system, and looking at the health.
 * Each run writes its own outcome, so a save has nothing to do.
 */
export class ConnectionWork implements LaneWork<DueOfConnection> {
  readonly kind = CONNECTION_LANES;

  constructor(private readonly parts: TenantParts) {}

  limits(): LaneLimits {
    return {
      maxInFlight: MOST_AT_ONCE,
      maxInFlightPerTarget: 1,
      probeAfterFailures: NEVER,
      timeoutMs: LONGEST_RUN_MS,
    };
  }

  due(wanted: ReadonlyMap<string, number>): Promise<DueOfConnection[]> {
    return this.store.due(wanted);
  }

  nextDue(session: EngineSession, targets: readonly string[]) {
    return this.store.nextDue(session, targets);
  }

  async save(
    _: EngineSession,
    ended: readonly Ended<DueOfConnection>[],
  ): Promise<readonly Ended<DueOfConnection>[]> {
    return ended;
  }

  async run(
    { target: id, key, tenantId, connector }: DueOfConnection,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Outcome> {
    if (!this.parts.registry.has(connector)) return { is: 'target-off', forMs: WITHOUT_CONNECTOR_MS };
    if (key === HEALTH) await this.lookAtHealth({ tenantId, id }, connector, signal);
    else await this.followWebhook({ tenantId, endpointId: key }, signal);
    return { is: 'done' };
  }

  private async followWebhook(
    of: { readonly tenantId: string; readonly endpointId: string },
    signal: AbortSignal,
  ): Promise<void> {
    const turn = await followWebhook(this.parts, of, { signal });
    if (turn.is !== 'failed') return;
    const words = 'A webhook of a connection could not be asked for, and is tried again';
    this.parts.logger.warnOfFailure(`${words} (endpoint ${of.endpointId}): ${turn.reason}`, words);
  }

  private async lookAtHealth(
    of: { readonly tenantId: string; readonly id: string },
    connector: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { parts, store } = this;
    const intervalMs = parts.settings().healthIntervalMs;
    if (intervalMs === 0 || parts.registry.of(connector).health === undefined) return store.noHealthTime(of);
    if (!(await store.claimHealth(of, intervalMs))) return;
    const connection = await new ConnectionStore(parts.db).find(of.tenantId, of.id);
    // Only a person can heal one that has to be authorized again.
    if (connection !== undefined && connection.health !== 'needs_reauthorization')
      await testConnection(connection, parts, authorOf({}), signal);
    if (!signal.aborted) await store.healthLooked(of);
  }

  private get store(): ConnectionWorkStore {
    return new ConnectionWorkStore(this.parts.db);
  }
}
