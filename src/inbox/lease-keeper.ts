import { hostname } from 'node:os';
import { Logger } from '@nestjs/common';
import { answerWithin } from '../database/answer-within.js';
import type { EngineConnection } from '../database/engine-connection.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { ProcessIdentity } from '../database/process-identity.js';
import { messageOf } from '../errors.js';
import type { ClaimedCursor, InboxCursorStore } from './inbox-cursor.store.js';
import { type CursorKey, nameOfCursor } from './inbox-status.js';
import type { CursorSight, IntegrationProcessStore, Sight } from './integration-process.store.js';
import { assignFreeCursors, cursorToHandOver } from './lease-spread.js';
import { PeerWatch } from './peer-watch.js';

const BEAT_INTERVAL_MS = 2_000;
const BEAT_TIMEOUT_MS = 5_000;
const FREE_BEATS = 3;
const RECONNECT_FIRST_MS = 200;
const RECONNECT_MAX_MS = 5_000;

/** A consumer of this process: by name, and whether its code handles all the names that are stored for it. */
export interface LeaseCandidate {
  readonly name: string;
  readonly handles: (storedNames: readonly string[]) => boolean;
}

/** Whoever works with the leases. */
export interface LeaseUser {
  candidates(): readonly LeaseCandidate[];
  claimed(cursor: ClaimedCursor, lease: HeldLease): void;
  /** The lease is somebody else's now: drop everything. */
  lost(lease: HeldLease): void;
  /** Finish, save and release: another process has fewer, or the cursor is paused. */
  handOver(lease: HeldLease): void;
  /** Every cursor of the candidates, with every beat. */
  sighted(cursors: readonly CursorSight[]): void;
  /** A beat's look at a cursor that we hold. */
  seen(lease: HeldLease, sight: CursorSight): void;
  /** Handlers of a former lease on this cursor are still running: it is not to be claimed anew yet. */
  isBusy(key: CursorKey): boolean;
  /** The stored settings, with every beat. */
  settings(stored: Record<string, unknown>, readAt: number): void;
}

/**
 * The right to work on one cursor. Expiry is the database's to judge; beside that the owner itself starts nothing once its
 * own monotonic clock says that a lease's time has passed since it *sent* the last renewal that succeeded, or while its
 * heartbeat connection is lost. So a process that wakes from a stop does not run what it had fetched before.
 */
export class HeldLease {
  private confirmedAt: number;
  private leaseMs: number;

  constructor(
    readonly key: CursorKey,
    readonly token: string,
    sentAt: number,
    leaseMs: number,
  ) {
    this.confirmedAt = sentAt;
    this.leaseMs = leaseMs;
  }

  isValid(): boolean {
    return performance.now() - this.confirmedAt < this.leaseMs;
  }

  /** @internal The renewal that was sent at `sentAt` succeeded. */
  confirm(sentAt: number, leaseMs: number): void {
    this.confirmedAt = sentAt;
    this.leaseMs = leaseMs;
  }

  /** @internal Nothing is known any more. */
  invalidate(): void {
    this.leaseMs = 0;
  }
}

/** Claims cursors, renews their leases and gives them up, by one small statement every two seconds on a connection of its own. */
export class LeaseKeeper {
  private readonly logger = new Logger('LeaseKeeper');
  private readonly held = new Map<string, HeldLease>();
  private readonly peers = new PeerWatch();
  private user: LeaseUser | undefined;
  private connection: EngineConnection | undefined;
  private running: Promise<void> | undefined;
  private stopping = new AbortController();
  private wake: () => void = () => {};
  private beatWanted = false;
  /** For how many beats a cursor was free that is another process's to claim. */
  private readonly freeFor = new Map<string, number>();
  private renewedAt = Number.NEGATIVE_INFINITY;
  private forgotAt = 0;
  private claims = true;
  private lastBeat: Promise<unknown> = Promise.resolve();
  /** Consumers that this process could lease, by the names that were stored for them at the last look. */
  private able: string[] | undefined;

  constructor(
    private readonly db: EngineDatabase,
    private readonly processes: IntegrationProcessStore,
    private readonly cursors: InboxCursorStore,
    private readonly identity: ProcessIdentity,
    private readonly role: 'all' | 'publisher' | 'worker',
    private readonly leaseMs: () => number,
  ) {}

  /** Begins to beat. With `claims: false` it takes no lease of its own accord. */
  start(user: LeaseUser, options: { claims: boolean }): void {
    this.claims = options.claims && this.role !== 'publisher';
    if (this.running !== undefined) return;
    this.user = user;
    this.stopping = new AbortController();
    this.running = this.beatUntilStopped(this.stopping.signal);
  }

  /** Whether free cursors are to be claimed from now on. */
  setClaims(claims: boolean): void {
    this.claims = claims && this.role !== 'publisher';
    this.beatNow();
  }

  /** Beats at once, to claim or to renew. */
  beatNow(): void {
    this.beatWanted = true;
    this.wake();
  }

  /** Stops beating and signs out. Leases are to be released before. */
  async stop(): Promise<void> {
    if (this.running === undefined) return;
    this.stopping.abort();
    this.wake();
    await this.running;
    this.running = undefined;
    await this.processes.signOut(this.identity.id).catch(() => {});
    await this.connection?.close();
    this.connection = undefined;
  }

  /**
   * Claims what is free now, without waiting for the next beat. False: something that was this process's to claim could not be
   * claimed yet.
   */
  claimNow(): Promise<boolean> {
    return this.beat(this.role !== 'publisher');
  }

  /** Gives one lease back; false if it was lost before. */
  async release(lease: HeldLease): Promise<boolean> {
    this.held.delete(lease.token);
    lease.invalidate();
    return this.cursors.release(lease.key, lease.token);
  }

  /** Forgets a lease without telling the database: it runs out, or is claimed anew by this process. */
  forget(lease: HeldLease): void {
    this.held.delete(lease.token);
    lease.invalidate();
  }

  private async beatUntilStopped(stopped: AbortSignal): Promise<void> {
    let failures = 0;
    while (!stopped.aborted) {
      this.beatWanted = false;
      try {
        await this.beat(this.claims);
        failures = 0;
      } catch (error) {
        if (stopped.aborted) return;
        // The connection's end is announced as a loss by the database; here it only has to be replaced.
        this.disconnect();
        failures++;
        if (failures === 1) this.logger.warn(`The heartbeat failed and is tried again: ${messageOf(error)}`);
      }
      await this.pause(failures === 0 ? this.beatIntervalMs : reconnectDelay(failures), stopped);
    }
  }

  /** Every two seconds, or, where leases are so short, often enough to renew them in time. */
  private get beatIntervalMs(): number {
    return Math.min(BEAT_INTERVAL_MS, this.leaseMs() / 3);
  }

  /** One beat at a time: what a beat sees must not be older than the leases it is compared with. */
  private beat(claims: boolean): Promise<boolean> {
    const beat = this.lastBeat
      .catch(() => {})
      .then(() => this.connect())
      .then((connection) => answerWithin(BEAT_TIMEOUT_MS, this.beatOnce(connection, claims)));
    this.lastBeat = beat;
    return beat;
  }

  /** Whether all that was to be claimed is. */
  private async beatOnce(connection: EngineConnection, claims: boolean): Promise<boolean> {
    const user = this.user;
    if (user === undefined) return true;
    const leaseMs = this.leaseMs();
    const candidates = user.candidates();
    const sentAt = performance.now();
    const renew = sentAt - this.renewedAt >= leaseMs / 3 || this.hasUnconfirmed(sentAt, leaseMs);
    const sight = await this.processes.beat(
      connection,
      {
        processId: this.identity.id,
        consumers: candidates.map((candidate) => candidate.name),
        able: claims ? (this.able ?? candidates.map((candidate) => candidate.name)) : [],
        tokens: [...this.held.keys()],
        leaseMs,
        renew,
      },
      true,
    );
    if (connection !== this.connection) return false;
    if (renew) this.renewedAt = sentAt;
    user.settings(sight.settings, sentAt);
    this.confirm(sight, sentAt, leaseMs, user);
    this.peers.look(sight.processes, this.identity.id);
    this.report(sight, user);
    const isComplete =
      !claims ||
      (await this.claimFree(sight, candidates, leaseMs, user).catch((error) => {
        this.logger.warn(`Claiming is tried again with the next beat: ${messageOf(error)}`);
        return false;
      }));
    this.handOverOne(sight, user);
    if (sentAt - this.forgotAt > leaseMs * 10) {
      this.forgotAt = sentAt;
      await this.processes.forgetLongGone(leaseMs);
    }
    return isComplete;
  }

  private hasUnconfirmed(now: number, leaseMs: number): boolean {
    for (const lease of this.held.values()) if (!lease.isValid()) return true;
    return now - this.renewedAt >= leaseMs;
  }

  /** A token that was not renewed, or is not on its cursor any more, is lost. */
  private confirm(sight: Sight, sentAt: number, leaseMs: number, user: LeaseUser): void {
    const onCursors = new Set(sight.renewed ?? sight.cursors.map((cursor) => cursor.leaseToken));
    for (const lease of [...this.held.values()]) {
      if (onCursors.has(lease.token)) {
        if (sight.renewed !== null) lease.confirm(sentAt, leaseMs);
        continue;
      }
      this.held.delete(lease.token);
      lease.invalidate();
      user.lost(lease);
    }
  }

  private report(sight: Sight, user: LeaseUser): void {
    for (const cursor of sight.cursors) {
      const lease = cursor.leaseToken === null ? undefined : this.held.get(cursor.leaseToken);
      if (lease === undefined) continue;
      if (cursor.paused) user.handOver(lease);
      else user.seen(lease, cursor);
    }
    user.sighted(sight.cursors);
  }

  private async claimFree(
    sight: Sight,
    candidates: readonly LeaseCandidate[],
    leaseMs: number,
    user: LeaseUser,
  ): Promise<boolean> {
    const able = new Map(candidates.map((candidate) => [candidate.name, candidate]));
    const { dead, gone } = this.peers;
    this.able = candidates
      .filter(({ name, handles }) =>
        sight.cursors.every((c) => c.consumerName !== name || handles(c.eventNames)),
      )
      .map(({ name }) => name);
    const claimable = sight.cursors.filter(
      (cursor) =>
        !cursor.paused &&
        able.get(cursor.consumerName)?.handles(cursor.eventNames) === true &&
        (cursor.leaseToken === null ||
          // One of ours that had run out was renewed by this very beat: claimed anew, what it has done would never be saved.
          (cursor.leaseOwner === this.identity.id
            ? !this.held.has(cursor.leaseToken)
            : cursor.expired || dead.has(cursor.leaseOwner ?? ''))),
    );
    const free = claimable.filter((cursor) => !user.isBusy(cursor));
    const assigned = assignFreeCursors(free, sight, this.identity.id, gone);
    // Each once: what is claimed is counted against what was to be.
    const longFree = this.longFree(free).filter(
      (cursor) => !assigned.some((each) => sameCursor(each, cursor)),
    );
    const mine = [...assigned, ...longFree];
    if (mine.length === 0) return free.length === claimable.length;
    const sentAt = performance.now();
    const claimed = await this.cursors.claim(mine, this.identity.id, leaseMs, [...dead]);
    for (const cursor of claimed) {
      const lease = new HeldLease(
        { consumerName: cursor.consumerName, partition: cursor.partition },
        cursor.leaseToken,
        sentAt,
        leaseMs,
      );
      this.held.set(lease.token, lease);
      user.claimed(cursor, lease);
    }
    return claimed.length === mine.length && free.length === claimable.length;
  }

  /** What another process should have claimed and did not for several beats: it may hang, or hold another view. */
  private longFree(free: readonly CursorSight[]): CursorKey[] {
    const before = new Map(this.freeFor);
    this.freeFor.clear();
    return free.filter((cursor) => {
      const name = nameOfCursor(cursor);
      const beats = (before.get(name) ?? 0) + 1;
      this.freeFor.set(name, beats);
      return beats > FREE_BEATS;
    });
  }

  private handOverOne(sight: Sight, user: LeaseUser): void {
    const key = cursorToHandOver(sight, this.identity.id, this.peers.gone);
    const lease = key && [...this.held.values()].find(({ key: held }) => sameCursor(held, key));
    if (lease !== undefined) user.handOver(lease);
  }

  private async connect(): Promise<EngineConnection> {
    if (this.connection !== undefined) return this.connection;
    const connection = await this.db.openDedicated('nestjs-integration heartbeat', true);
    try {
      const self = { id: this.identity.id, role: this.role, host: hostname(), pid: process.pid };
      await answerWithin(BEAT_TIMEOUT_MS, this.processes.signIn(connection, self));
    } catch (error) {
      connection.destroy();
      throw error;
    }
    this.connection = connection;
    this.renewedAt = Number.NEGATIVE_INFINITY;
    this.peers.restart();
    connection.ended.then(() => {
      if (this.connection === connection) this.connection = undefined;
    });
    return connection;
  }

  private disconnect(): void {
    this.connection?.destroy();
    this.connection = undefined;
  }

  private pause(ms: number, stopped: AbortSignal): Promise<void> {
    if (stopped.aborted || this.beatWanted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function sameCursor(a: CursorKey, b: CursorKey): boolean {
  return a.consumerName === b.consumerName && a.partition === b.partition;
}

function reconnectDelay(failures: number): number {
  const full = Math.min(RECONNECT_FIRST_MS * 2 ** (failures - 1), RECONNECT_MAX_MS);
  return full / 2 + (full / 2) * Math.random();
}
