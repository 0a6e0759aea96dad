import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { type LaneEngine, LaneRunner } from '../../lanes/lane-runner.js';
import { OutgoingTargetStore } from '../../lanes/outgoing-target.store.js';
import type { PartEvents } from '../../outbox/part-events.js';
import type { Times } from '../../timing/timing.js';
import type { EngineLogger } from '../../words/engine-logger.js';
import type { Connection } from '../connections/connection.js';
import type { ConnectorRegistry } from '../definition/connector-registry.js';
import type { SyncFeed, SyncHooks } from '../tenants/sync-hooks.js';
import type { TenantParts } from '../tenants/tenant-parts.js';
import { RecordStore } from './record.store.js';
import { type DueStream, type KnownSync, StreamStore } from './stream.store.js';
import type { SyncMetrics } from './sync-metrics.js';
import type { SyncSettings } from './sync-settings.js';
import { SyncWork } from './sync-work.js';
import { TenantSyncs } from './tenant-syncs.js';

/** Connections whose streams are added in one transaction at the boot. */
const ADDED_AT_ONCE = 500;

export interface SyncsEngineParts {
  readonly db: EngineDatabase;
  readonly admin: EngineDatabase;
  readonly events: PartEvents;
  readonly maxPayloadBytes: number;
  readonly lanes: LaneEngine;
  readonly registry: ConnectorRegistry;
  readonly settings: () => Readonly<SyncSettings>;
  readonly metrics: SyncMetrics;
  readonly logger: EngineLogger;
  readonly parts: () => TenantParts;
  readonly times: () => Promise<Times>;
}

/**
 * Runs the syncs of this process, and follows the changes of connections. A connection that is enabled has
 * its streams, and one that is not is held: its streams take no place and cost nothing.
 */
export class SyncsEngine implements SyncHooks {
  private runner: LaneRunner<DueStream> | undefined;
  private readonly targets: OutgoingTargetStore;
  private readonly streams: StreamStore;

  constructor(private readonly given: SyncsEngineParts) {
    this.targets = new OutgoingTargetStore(given.db);
    this.streams = new StreamStore(given.db);
  }

  /** Adds the streams that connections lack, and takes lanes. */
  async start(): Promise<void> {
    const { lanes, registry, logger, db, events, metrics, settings, maxPayloadBytes, parts } = this.given;
    if (this.known().length === 0) return;
    await this.addLacking();
    if (lanes.role === 'publisher') return;
    const runParts = {
      db,
      streams: this.streams,
      records: new RecordStore(db),
      events,
      leases: lanes.leaseStore,
      metrics,
      tenants: parts,
      settings,
      idleMs: () => lanes.settings.snapshot().processingLeaseMs,
      maxPayloadBytes,
      times: await this.times(),
    };
    this.runner = new LaneRunner(lanes, new SyncWork(runParts, registry, logger));
    this.runner.start();
  }

  async stop(): Promise<void> {
    await this.runner?.stop();
  }

  of(tenantId: string): TenantSyncs {
    const { admin, events, registry, maxPayloadBytes } = this.given;
    return new TenantSyncs(tenantId, {
      db: admin,
      streams: new StreamStore(admin),
      records: new RecordStore(admin),
      events,
      registry,
      maxPayloadBytes,
      times: () => this.times(),
      wake: (connections) => this.runner?.wake(connections),
    });
  }

  /** Runs everything that is due. For tests. See `LaneRunner.runDue`. */
  async runDue(options?: { readonly timeoutMs?: number | undefined }): Promise<number> {
    return (await this.runner?.runDue(options)) ?? 0;
  }

  feedOf(connection: Connection): SyncFeed {
    const tenant = this.of(connection.tenantId);
    return {
      upsert: (sync, record) => tenant.upsert(connection.id, sync, record),
      remove: (sync, externalId, at) => tenant.remove(connection.id, sync, externalId, at),
    };
  }

  async enabled(session: EngineSession, { id, tenantId, connector }: Connection): Promise<void> {
    const known = this.known().filter((each) => each.connector === connector);
    if (known.length === 0) return;
    await this.targets.addAll(session, 'sync', [{ id, tenantId }], true);
    await this.targets.lock(session, 'sync', [id]);
    await this.addTo(session, { tenantId, connectionId: id, connector }, known);
    await this.targets.release(session, 'sync', id);
  }

  async disabled(session: EngineSession, { id, tenantId }: Connection): Promise<void> {
    await this.targets.hold(session, 'sync', id);
    await this.streams.disown(session, tenantId, id);
  }

  async removed(session: EngineSession, { id }: Connection): Promise<void> {
    await this.targets.remove(session, 'sync', id);
  }

  changed(connectionId: string): void {
    this.runner?.wake([connectionId]);
  }

  /** What the code of this process knows. */
  private known(): KnownSync[] {
    return this.given.registry.all.flatMap(({ key, syncs }) =>
      [...syncs.values()].map((sync) => ({
        connector: key,
        sync: sync.key,
        isScheduled: sync.schedule !== undefined,
      })),
    );
  }

  private async times(): Promise<Times | undefined> {
    const hasPattern = this.given.registry.all.some(({ syncs }) =>
      [...syncs.values()].some(({ schedule }) => schedule?.cron !== undefined),
    );
    return hasPattern ? this.given.times() : undefined;
  }

  /** A new version of the code may have syncs that connections do not have yet. */
  private async addLacking(): Promise<void> {
    const known = this.known();
    for (;;) {
      const lacking = await this.streams.lacking(known, ADDED_AT_ONCE);
      if (lacking.length === 0) return;
      const targets = lacking.map(({ id, tenantId }) => ({ id, tenantId }));
      const ids = lacking.map(({ id }) => id).sort();
      await this.given.db.transaction(async (session) => {
        await this.targets.addAll(session, 'sync', targets);
        await this.targets.lock(session, 'sync', ids);
        for (const { id, tenantId, connector } of lacking) {
          const ofConnector = known.filter((each) => each.connector === connector);
          await this.addTo(session, { tenantId, connectionId: id, connector }, ofConnector);
        }
        await this.targets.makeReady(session, 'sync', ids);
      });
      if (lacking.length < ADDED_AT_ONCE) return;
    }
  }

  private async addTo(
    session: EngineSession,
    owner: { readonly tenantId: string; readonly connectionId: string; readonly connector: string },
    known: readonly KnownSync[],
  ): Promise<void> {
    const streams = known.map(({ sync, isScheduled }) => ({ sync, partition: '', isDue: isScheduled }));
    await this.streams.add(session, owner, streams);
    const scheduled = known.filter(({ isScheduled }) => isScheduled).map(({ sync }) => sync);
    await this.streams.schedule(session, owner.tenantId, owner.connectionId, scheduled);
  }
}
