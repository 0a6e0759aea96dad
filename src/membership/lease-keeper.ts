import { Logger } from '@nestjs/common';
import type { EngineConnection } from '../database/connection/engine-connection.js';
import type { ProcessIdentity } from '../database/connection/process-identity.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { messageOf } from '../errors.js';
import type { InboxCursorStore } from '../inbox/inbox-cursor.store.js';
import { FailureDetector } from './failure-detector.js';
import { ableAmong, FreeCursors } from './free-cursors.js';
import { Heartbeat } from './heartbeat.js';
import { HeldByMissing } from './held-by-missing.js';
import { HeldLease } from './held-lease.js';
import type { ClusterSnapshot, IntegrationProcessStore } from './integration-process.store.js';
import { cursorToHandOver, sameCursor } from './lease-spread.js';
import type { LeaseCandidate, LeaseUser } from './lease-user.js';
import { RenewalPace } from './renewal-pace.js';
import type { SequenceWatch } from './sequence-watch.js';

const BEAT_INTERVAL_MS = 2_000;

/**
 * Claims cursors, renews their leases and gives them up, by one small statement every two seconds on a
 * connection of its own.
 */
export class LeaseKeeper {
  private readonly logger = new Logger('LeaseKeeper');
  private readonly held = new Map<string, HeldLease>();
  private readonly failures = new FailureDetector();
  private readonly heldByMissing: HeldByMissing;
  private readonly heartbeat: Heartbeat;
  private user: LeaseUser | undefined;
  private readonly free = new FreeCursors();
  private readonly renewals: RenewalPace;
  private forgotAt = 0;
  private claims = true;
  /** Consumers that this process could lease, by the names that were stored for them at the last look. */
  private able: string[] | undefined;

  constructor(
    db: EngineDatabase,
    private readonly processes: IntegrationProcessStore,
    private readonly cursors: InboxCursorStore,
    private readonly sequence: SequenceWatch,
    private readonly identity: ProcessIdentity,
    private readonly role: 'all' | 'publisher' | 'worker',
    private readonly leaseMs: () => number,
  ) {
    this.renewals = new RenewalPace(
      () => this.beatNow(),
      () => this.beatIntervalMs,
    );
    this.heldByMissing = new HeldByMissing(processes, this.logger);
    this.heartbeat = new Heartbeat(
      db,
      processes,
      { id: identity.id, role },
      () => this.beatIntervalMs,
      () => this.nothingKnown(),
      this.logger,
    );
  }

  /** Begins to beat. With `claims: false` it takes no lease of its own accord. */
  start(user: LeaseUser, options: { claims: boolean }): void {
    this.claims = options.claims && this.role !== 'publisher';
    if (this.heartbeat.isRunning) return;
    this.user = user;
    this.heartbeat.start(() => this.beat(() => this.claims));
  }

  /** Whether free cursors are to be claimed from now on. */
  setClaims(claims: boolean): void {
    this.claims = claims && this.role !== 'publisher';
    this.beatNow();
  }

  /** How long ago the heartbeat's latest round began; undefined: it does not beat. */
  get heartbeatAgeMs(): number | undefined {
    return this.heartbeat.ageMs;
  }

  /** Beats at once, to claim or to renew. */
  beatNow(): void {
    this.heartbeat.beatNow();
  }

  /** Stops beating and signs out. Leases are to be released before. */
  stop(): Promise<void> {
    this.renewals.stop();
    return this.heartbeat.stop();
  }

  /**
   * Claims what is free now, without waiting for the next beat. False: something that was this process's to
   * claim could not be claimed yet.
   */
  async claimNow(): Promise<boolean> {
    await this.sequence.glance();
    return this.beat(() => this.role !== 'publisher');
  }

  /** Gives one lease back; false if it was lost before. */
  async release(lease: HeldLease): Promise<boolean> {
    this.held.delete(lease.token);
    lease.invalidate();
    return this.cursors.release(lease.key, lease.token);
  }

  /** Forgets a lease without telling the database: it runs out, or is claimed anew by this process. */
  forgetLease(lease: HeldLease): void {
    this.held.delete(lease.token);
    lease.invalidate();
  }

  /** Every two seconds, or, where leases are so short, often enough to renew them in time. */
  private get beatIntervalMs(): number {
    return Math.min(BEAT_INTERVAL_MS, this.leaseMs() / 3);
  }

  /** The connection is a new one: what was seen by the one before may be long ago. */
  private nothingKnown(): void {
    this.renewals.restart();
    this.failures.restart();
  }

  private beat(mayClaim: () => boolean): Promise<boolean> {
    return this.heartbeat.beat((connection) => this.beatOnce(connection, mayClaim));
  }

  /** Whether all that was to be claimed is. */
  private async beatOnce(connection: EngineConnection, mayClaim: () => boolean): Promise<boolean> {
    const claims = mayClaim();
    const user = this.user;
    if (user === undefined) return true;
    const leaseMs = this.leaseMs();
    const candidates = user.candidates();
    const sentAt = performance.now();
    const able = claims ? (this.able ?? candidates.map((candidate) => candidate.name)) : [];
    // The others share the cursors out by what this process says of itself, so a change of that does not
    // wait.
    const told = able.join('\0');
    const renew = this.renewals.isDue(sentAt, leaseMs, told) || this.hasInvalid();
    const snapshot = await this.processes.beat(
      connection,
      {
        processId: this.identity.id,
        consumers: candidates.map((candidate) => candidate.name),
        able,
        tokens: [...this.held.keys()],
        leaseMs,
        renew,
      },
      true,
    );
    if (!this.heartbeat.isCurrent(connection)) return false;
    if (snapshot.sequenceSuspect === true) this.sequence.compareSoon();
    else if (renew) this.sequence.compareAgain();
    user.settingsRead(snapshot.settings, sentAt);
    const isEachRenewed = this.confirm(snapshot, sentAt, leaseMs, user);
    if (renew) this.renewals.renewed(sentAt, isEachRenewed, told);
    this.failures.observe(snapshot.processes, this.identity.id);
    const isWhole = await this.isSignedIn(snapshot, connection);
    const haveVanished = this.report(snapshot, user);
    const isComplete =
      !claims ||
      (isWhole &&
        !haveVanished &&
        (await this.claimFree(snapshot, candidates, leaseMs, user, mayClaim).catch((error) => {
          this.logger.warn(`Claiming is tried again with the next beat: ${messageOf(error)}`);
          return false;
        })));
    this.handOverOne(snapshot, user);
    await this.heldByMissing.warnOfMissing(connection, snapshot, new Set(this.able), this.failures.unjudged);
    if (sentAt - this.forgotAt > leaseMs * 10) {
      this.forgotAt = sentAt;
      await this.processes.forgetGoneProcesses(leaseMs);
    }
    return isComplete;
  }

  /**
   * Others share out the work among those that have a row. Somebody who empties tables takes ours away: it is
   * written again.
   */
  private async isSignedIn(snapshot: ClusterSnapshot, connection: EngineConnection): Promise<boolean> {
    if (this.role === 'publisher' || snapshot.processes.some(({ id }) => id === this.identity.id))
      return true;
    await this.heartbeat.signIn(connection);
    return false;
  }

  private hasInvalid(): boolean {
    for (const lease of this.held.values()) if (!lease.isValid()) return true;
    return false;
  }

  /**
   * A token that is not on its cursor any more is lost. One that is there and was not renewed is on a row
   * that somebody holds at the moment. Whether none was passed over.
   */
  private confirm(snapshot: ClusterSnapshot, sentAt: number, leaseMs: number, user: LeaseUser): boolean {
    const renewed = new Set(snapshot.renewed);
    const onCursors = new Set(snapshot.cursors.map((cursor) => cursor.leaseToken));
    let isEachRenewed = true;
    for (const lease of [...this.held.values()]) {
      if (renewed.has(lease.token)) lease.extend(sentAt, leaseMs);
      else if (onCursors.has(lease.token)) isEachRenewed = false;
      else {
        this.held.delete(lease.token);
        lease.invalidate();
        user.lost(lease);
      }
    }
    return isEachRenewed;
  }

  private report(snapshot: ClusterSnapshot, user: LeaseUser): boolean {
    for (const cursor of snapshot.cursors) {
      const lease = cursor.leaseToken === null ? undefined : this.held.get(cursor.leaseToken);
      if (lease === undefined) continue;
      if (cursor.paused || cursor.superseded) user.handOver(lease);
      else user.leaseSeen(lease, cursor);
      if (cursor.superseded) this.readsNoMore(lease);
    }
    return user.cursorsSeen(snapshot.cursors);
  }

  /** Not before `handOver`: see consumers/hand-over.store.ts. Where it fails, the next beat sees the same. */
  private readsNoMore({ key, token }: HeldLease): void {
    this.cursors
      .readsNoMore(key, token)
      .catch((error) => this.logger.warn(`Handing over is said with the next beat: ${messageOf(error)}`));
  }

  private async claimFree(
    snapshot: ClusterSnapshot,
    candidates: readonly LeaseCandidate[],
    leaseMs: number,
    user: LeaseUser,
    mayClaim: () => boolean,
  ): Promise<boolean> {
    const { dead, gone } = this.failures;
    this.able = ableAmong(candidates, snapshot);
    const { mine, isAllOf } = this.free.toClaim(snapshot, candidates, {
      self: this.identity.id,
      isHeld: (token) => this.held.has(token),
      dead,
      gone,
      isBusy: (cursor) => user.isBusy(cursor),
    });
    if (mine.length === 0) return isAllOf;
    const sentAt = performance.now();
    const claimed = await this.cursors.claim(mine, this.identity.id, leaseMs, [...dead]);
    if (claimed.length > 0) this.sequence.compareSoon();
    for (const cursor of claimed) {
      const lease = new HeldLease(
        { consumerName: cursor.consumerName, partition: cursor.partition },
        cursor.leaseToken,
        sentAt,
        leaseMs,
      );
      this.held.set(lease.token, lease);
      // The loops may have been switched off during this beat: what they held is given back already.
      if (mayClaim()) user.claimed(cursor, lease);
      else this.release(lease).catch(() => {});
    }
    return claimed.length === mine.length && isAllOf;
  }

  private handOverOne(snapshot: ClusterSnapshot, user: LeaseUser): void {
    const key = cursorToHandOver(snapshot, this.identity.id, this.failures.gone);
    const lease = key && [...this.held.values()].find(({ key: held }) => sameCursor(held, key));
    if (lease !== undefined) user.handOver(lease);
  }
}
