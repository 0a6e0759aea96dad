import { AuditStore } from '../../audit/audit.store.js';
import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../../audit/change-author.js';
import { clientOf } from '../../database/clients/session-client.js';
import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { OutgoingTargetStore } from '../../lanes/outgoing-target.store.js';
import type { PartEvents } from '../../outbox/part-events.js';
import type { Times } from '../../timing/timing.js';
import { checkChoice, checkNames, checkText, checkUuid, pageSizeOf } from '../../words/argument-checks.js';
import { suggestionFor } from '../../words/known-names.js';
import { pageOf } from '../../words/page-of.js';
import { isUuid } from '../../words/text.js';
import { type Connection, labelOf } from '../connections/connection.js';
import { ConnectionStore } from '../connections/connection.store.js';
import { unknownConnection } from '../definition/connector-errors.js';
import type { ConnectorRegistry } from '../definition/connector-registry.js';
import { type FoundSync, SYNC_KINDS, type SyncKind } from '../definition/sync.js';
import type { ToldRecord } from '../tenants/sync-hooks.js';
import { isGone } from './decide-record.js';
import { nextBySchedule } from './next-run.js';
import { checkedId, checkedRecord, idFrom, UnfitPage } from './page.js';
import { buryRecords, NO_COUNTS, savePage } from './page-saver.js';
import type { RecordStore } from './record.store.js';
import type {
  LockedStream,
  Stream,
  SyncedRecord,
  SyncPageRequest,
  SyncProblem,
  SyncRun,
  SyncStatus,
} from './stream.js';
import type { StreamStore } from './stream.store.js';
import { alreadyRunning, badPage, unknownSync, wrongSyncState } from './sync-errors.js';
import { runEvent } from './sync-events.js';

export interface TenantSyncParts {
  /** For changes by people and by code of the application. */
  readonly db: EngineDatabase;
  readonly streams: StreamStore;
  readonly records: RecordStore;
  readonly events: PartEvents;
  readonly registry: ConnectorRegistry;
  readonly maxPayloadBytes: number;
  readonly times: () => Promise<Times | undefined>;
  /** Something of these connections is due. */
  readonly wake: (connections: readonly string[]) => void;
}

interface Found {
  readonly connection: Connection;
  readonly sync: FoundSync;
}

/** A page of rows, and where the next one begins: null on the last page. */
export interface SyncRows<Row> {
  readonly items: readonly Row[];
  readonly next: string | null;
}

/**
 * The syncs of one tenant. What belongs to another tenant is unknown here. Every change by a person is one
 * commit with its entry in the audit.
 */
export class TenantSyncs {
  private readonly connections: ConnectionStore;
  private readonly targets: OutgoingTargetStore;

  constructor(
    readonly tenantId: string,
    private readonly parts: TenantSyncParts,
  ) {
    this.connections = new ConnectionStore(parts.db);
    this.targets = new OutgoingTargetStore(parts.db);
  }

  /**
   * Starts a run now.
   *
   * @param kind default: what the sync does by itself. One that was begun and has not come to its end goes on
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN, INTEGRATION_SYNC_UNKNOWN;
   * INTEGRATION_SYNC_RUNNING; INTEGRATION_SYNC_STATE while it is paused
   */
  start(connectionId: string, sync: string, kind?: SyncKind, author: ChangeAuthor = {}): Promise<SyncStatus> {
    if (kind !== undefined) checkChoice('kind', kind, SYNC_KINDS);
    return this.changes('start', connectionId, sync, author, async (_, stream) => {
      if (stream.isPaused) throw wrongSyncState(this.nameOf(stream), 'it is paused: resume it first');
      if (stream.runId !== null) throw alreadyRunning(this.nameOf(stream), stream.runId);
      return { ...stream, wantedKind: kind ?? stream.wantedKind, nextRunAt: stream.now };
    });
  }

  /** Begins no run until `resume`. A run under way stops at its next page, and goes on there. */
  pause(connectionId: string, sync: string, author: ChangeAuthor = {}): Promise<SyncStatus> {
    return this.changes('pause', connectionId, sync, author, async (_, stream) => ({
      ...stream,
      isPaused: true,
      nextRunAt: null,
    }));
  }

  /** Ends a pause. */
  resume(connectionId: string, sync: string, author: ChangeAuthor = {}): Promise<SyncStatus> {
    return this.changes('resume', connectionId, sync, author, async (_, stream, found) => {
      if (!stream.isPaused) return stream;
      const isDue = stream.runId !== null || found.sync.schedule !== undefined;
      return { ...stream, isPaused: false, nextRunAt: isDue ? stream.now : null };
    });
  }

  /**
   * Forgets the checkpoint: the next run asks for everything. The records stay, so what is the same is
   * silent.
   */
  reset(connectionId: string, sync: string, author: ChangeAuthor = {}): Promise<SyncStatus> {
    return this.changes('reset', connectionId, sync, author, async (session, stream, found) => {
      const ended = await this.endRun(session, stream, found);
      const nothingBegun = { openKind: null, isComplete: false, isFirstEmpty: false, isConfirmed: false };
      return {
        ...ended,
        ...nothingBegun,
        checkpoint: null,
        wantedKind: null,
        failures: 0,
        stalledRuns: 0,
        status: 'new',
      };
    });
  }

  /**
   * Ends the run that is under way. What it has saved stays, and nothing is deleted.
   *
   * @throws IntegrationError INTEGRATION_SYNC_STATE if none is
   */
  cancel(connectionId: string, sync: string, author: ChangeAuthor = {}): Promise<SyncStatus> {
    return this.changes('cancel', connectionId, sync, author, async (session, stream, found) => {
      if (stream.runId === null) throw wrongSyncState(this.nameOf(stream), 'no run is under way');
      const ended = await this.endRun(session, stream, found);
      return { ...ended, openKind: null, isComplete: false, wantedKind: null };
    });
  }

  /**
   * Lets the last full run delete what it has not seen.
   *
   * @throws IntegrationError INTEGRATION_SYNC_STATE if nothing waits for it
   */
  confirmDeletions(connectionId: string, sync: string, author: ChangeAuthor = {}): Promise<SyncStatus> {
    return this.changes('confirm-deletions', connectionId, sync, author, async (_, stream) => {
      const isWaiting = stream.status === 'suspicious' && stream.openKind === 'full' && stream.runId === null;
      if (!isWaiting)
        throw wrongSyncState(this.nameOf(stream), 'no deletions wait for somebody to confirm them');
      return {
        ...stream,
        isConfirmed: true,
        wantedKind: null,
        nextRunAt: stream.isPaused ? null : stream.now,
      };
    });
  }

  /** Takes a record as it came, outside of a run. */
  async upsert(connectionId: string, key: string, record: unknown): Promise<ToldRecord> {
    const found = await this.found(connectionId, key);
    const { sync } = found;
    const fit = await this.told(sync, async () => {
      const rules = { sync, maxPayloadBytes: this.parts.maxPayloadBytes };
      return checkedRecord(record, idFrom(sync, record), rules);
    });
    return this.tells(found, async (session, stream) => {
      const { records } = this.parts;
      const origin = { since: null, toldAt: stream.now };
      if (!('json' in fit)) {
        await records.setAside(session, stream, [fit], stream.generation);
        return { told: 'aside', eventNames: [] };
      }
      const page = { fit: [fit], problems: [], deleted: [] };
      const { fates, eventNames } = await savePage(session, this.parts, stream, sync, page, origin);
      const [fate = 'unchanged'] = fates;
      return { told: fate === 'added' ? 'created' : fate, eventNames };
    });
  }

  /** The other system has deleted a record. */
  async remove(
    connectionId: string,
    key: string,
    externalId: string | number,
    at?: Date,
  ): Promise<ToldRecord> {
    const found = await this.found(connectionId, key);
    const { sync } = found;
    const id = await this.told(sync, async () => checkedId(externalId));
    return this.tells(found, async (session, stream) => {
      const { records } = this.parts;
      const before = (await records.read(session, stream, [id])).get(id);
      const told = { at: stream.now, sourceAt: at ?? null };
      const isOlder = at !== undefined && before?.sourceAt != null && at < before.sourceAt;
      if (isOlder) return { told: 'older', eventNames: [] };
      if (!isGone(before, null)) {
        await records.addTombstone(session, stream, id, stream.generation, told);
        return { told: 'unchanged', eventNames: [] };
      }
      const { eventNames } = await buryRecords(session, this.parts, stream, sync, [id], told);
      return { told: 'deleted', eventNames };
    });
  }

  /** How a sync stands. @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN, INTEGRATION_SYNC_UNKNOWN */
  async status(connectionId: string, sync: string): Promise<SyncStatus> {
    return this.shown(await this.stream(connectionId, sync));
  }

  /** The runs of a sync, the last one first. */
  async runs(connectionId: string, sync: string, page: SyncPageRequest = {}): Promise<SyncRows<SyncRun>> {
    checkNames('an option of a page', page, ['limit', 'after']);
    checkUuid('after', page.after);
    const stream = await this.stream(connectionId, sync);
    const limit = pageSizeOf(page.limit);
    const found = await this.parts.streams.runs(this.tenantId, stream.id, page.after, limit + 1);
    const { rows: items, next } = pageOf(found, limit, ({ id }) => id);
    return { items, next };
  }

  /** The records of a sync, also those that are deleted, in the order of their ids. */
  records(connectionId: string, sync: string, page: SyncPageRequest = {}): Promise<SyncRows<SyncedRecord>> {
    return this.rows(connectionId, sync, page, (stream, limit) =>
      this.parts.records.page(stream, page.after, limit),
    );
  }

  /** The records that were set aside, in the order of their ids. */
  problems(connectionId: string, sync: string, page: SyncPageRequest = {}): Promise<SyncRows<SyncProblem>> {
    return this.rows(connectionId, sync, page, (stream, limit) =>
      this.parts.records.problems(stream, page.after, limit),
    );
  }

  private async rows<Row extends { readonly externalId: string }>(
    connectionId: string,
    sync: string,
    page: SyncPageRequest,
    read: (stream: Stream, limit: number) => Promise<Row[]>,
  ): Promise<SyncRows<Row>> {
    checkNames('an option of a page', page, ['limit', 'after']);
    checkText('after', page.after, 255);
    const limit = pageSizeOf(page.limit);
    const found = await read(await this.stream(connectionId, sync), limit + 1);
    const { rows: items, next } = pageOf(found, limit, ({ externalId }) => externalId);
    return { items, next };
  }

  /*
   * The order of locks is that of the lanes: the target first, then the stream. A stream that is missing is
   * added under the lock of its target.
   */
  private async changes(
    verb: string,
    connectionId: string,
    key: string,
    by: ChangeAuthor,
    change: (session: EngineSession, stream: LockedStream, found: Found) => Promise<Stream>,
  ): Promise<SyncStatus> {
    checkNames('an author', by, AUTHOR_FIELDS);
    const author = authorOf(by);
    const found = await this.found(connectionId, key);
    const { db, streams } = this.parts;
    const target = [{ id: connectionId, tenantId: this.tenantId }];
    const changed = await db.transaction(async (session) => {
      const isHeld = found.connection.state !== 'enabled';
      await this.targets.addAll(session, 'sync', target, isHeld);
      await this.targets.lock(session, 'sync', [connectionId]);
      const stream = await this.lockedStream(session, found);
      const after = await change(session, stream, found);
      await streams.write(session, after);
      if (after.nextRunAt !== null)
        await this.targets.makeReady(session, 'sync', [connectionId], after.nextRunAt);
      await new AuditStore(db).add(session, author, {
        action: `syncs.${verb}`,
        target: `${labelOf(found.connection)}/${key}`,
        affected: 1,
        before: { status: stream.status, isPaused: stream.isPaused, runId: stream.runId },
        after: { status: after.status, isPaused: after.isPaused, wantedKind: after.wantedKind },
      });
      return after;
    });
    this.parts.wake([connectionId]);
    return this.shown(changed);
  }

  /** One transaction with what somebody tells of a record. It takes turns with the pages of the stream. */
  private async tells(
    found: Found,
    tell: (
      session: EngineSession,
      stream: LockedStream,
    ) => Promise<{ readonly told: ToldRecord; readonly eventNames: readonly string[] }>,
  ): Promise<ToldRecord> {
    const { told, eventNames } = await this.parts.db.transaction(async (session) =>
      tell(session, await this.lockedStream(session, found)),
    );
    this.parts.events.committed(eventNames);
    return told;
  }

  private async lockedStream(session: EngineSession, { connection, sync }: Found): Promise<LockedStream> {
    const { streams } = this.parts;
    const name = { tenantId: this.tenantId, connectionId: connection.id, sync: sync.key, partition: '' };
    const there = await streams.lockNamed(session, name);
    if (there !== undefined) return there;
    const owner = { tenantId: this.tenantId, connectionId: connection.id, connector: connection.connector };
    await streams.add(session, owner, [{ sync: sync.key, partition: '', isDue: false }]);
    const added = await streams.lockNamed(session, name);
    if (added === undefined) throw unknownConnection(connection.id);
    return added;
  }

  /**
   * Ends the run that is under way, if there is one. Its attempt then finds another token, and saves nothing.
   */
  private async endRun(session: EngineSession, stream: LockedStream, { sync }: Found): Promise<Stream> {
    if (stream.runId === null) return stream;
    const { streams, events, times } = this.parts;
    const run = await streams.countRun(
      session,
      { tenantId: this.tenantId, runId: stream.runId },
      NO_COUNTS,
      'canceled',
    );
    const error = { code: 'INTEGRATION_SYNC_STATE', message: 'The run was cancelled' };
    if (run !== undefined) await events.write(clientOf(session), [runEvent(stream, 'failed', run, error)]);
    const scheduled = nextBySchedule(sync, stream.id, stream.now, await times());
    const nextRunAt = stream.isPaused ? null : (scheduled ?? null);
    return { ...stream, runId: null, ownerToken: null, starts: 0, nextRunAt };
  }

  private async told<R>(sync: FoundSync, look: () => Promise<R>): Promise<R> {
    try {
      return await look();
    } catch (error) {
      if (error instanceof UnfitPage) throw badPage(`sync ${sync.key}`, 1, error.message);
      throw error;
    }
  }

  private async found(connectionId: string, key: string): Promise<Found> {
    const connection = isUuid(connectionId)
      ? await this.connections.find(this.tenantId, connectionId)
      : undefined;
    if (connection === undefined) throw unknownConnection(connectionId);
    const { syncs } = this.parts.registry.of(connection.connector);
    const sync = syncs.get(key);
    if (sync !== undefined) return { connection, sync };
    throw unknownSync(connection.connector, key, suggestionFor(String(key), [...syncs.keys()]));
  }

  private async stream(connectionId: string, key: string): Promise<Stream> {
    const { connection, sync } = await this.found(connectionId, key);
    const name = { tenantId: this.tenantId, connectionId: connection.id, sync: sync.key, partition: '' };
    const stream = await this.parts.streams.find(name);
    if (stream !== undefined) return stream;
    return this.parts.db.transaction((session) => this.lockedStream(session, { connection, sync }));
  }

  private nameOf({ connector, sync }: Stream): string {
    return `sync ${connector}.${sync}`;
  }

  private async shown(stream: Stream): Promise<SyncStatus> {
    const { id, connectionId, connector, sync, partition, status, isPaused, runId } = stream;
    const { failures, stalledRuns, nextRunAt, lastOkAt } = stream;
    const [lastRun = null] = await this.parts.streams.runs(this.tenantId, id, undefined, 1);
    const standing = { status, isPaused, failures, stalledRuns, nextRunAt, lastOkAt };
    return { id, connectionId, connector, sync, partition, ...standing, runId, lastRun };
  }
}
