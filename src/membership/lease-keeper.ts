import type { EngineConnection } from '../database/connection/engine-connection.js';
import type { ProcessIdentity } from '../database/connection/process-identity.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { messageOf } from '../errors.js';
import type { InboxCursorStore } from '../inbox/inbox-cursor.store.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingsView } from '../settings/settings-view.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { FailureDetector } from './beat/failure-detector.js';
import { Heartbeat } from './beat/heartbeat.js';
import { HeldLease } from './beat/held-lease.js';
import type { ClusterSnapshot, IntegrationProcessStore } from './beat/integration-process.store.js';
import type { PartReports } from './beat/part-reports.js';
import { ableAmong, FreeCursors } from './free-cursors.js';
import { HeldByMissing } from './held-by-missing.js';
import { confirmLeases } from './lease-confirmation.js';
import { cursorToHandOver, sameCursor } from './lease-spread.js';
import type { LeaseCandidate, LeaseUser } from './lease-user.js';
import type { NamedLeases } from './leases/named-leases.js';
import { LongAttemptReports } from './long-attempt-reports.js';
import { RenewalPace } from './renewal-pace.js';
import type { SequenceWatch } from './sequence-watch.js';

/** The injection token of the longest time between two beats of a process. Short leases make it shorter. */
export const BEAT_INTERVAL_MS = Symbol('nestjs-integration:beat-interval');
export const DEFAULT_BEAT_INTERVAL_MS = 2_000;

/** Each beat puts the stored settings in force. Of them, this one is read here. */
type Settings = Pick<IntegrationSettingsService, 'applyStored'> & SettingsView<'processingLeaseMs'>;

/**
 * Claims cursors, renews their leases and gives them up. It does so with one small statement every two
 * seconds, on a connection of its own.
 */
export class LeaseKeeper {
  private readonly logger: EngineLogger;
  private readonly held = new Map<string, HeldLease>();
  private readonly failures = new FailureDetector();
  private readonly heldByMissing: HeldByMissing;
  private readonly heartbeat: Heartbeat;
  private user: LeaseUser | undefined;
  private readonly free = new FreeCursors();
  private readonly renewals: RenewalPace;
  private readonly reports: LongAttemptReports;
  private forgotAt = performance.now();
  private claims = true;
  /**
   * The consumers that this process could lease, judged by the names that were stored for them at the last
   * look.
   */
  private able: string[] | undefined;

  constructor(
    db: EngineDatabase,
    private readonly processes: IntegrationProcessStore,
    private readonly cursors: InboxCursorStore,
    private readonly sequence: SequenceWatch,
    private readonly identity: ProcessIdentity,
    private readonly role: 'all' | 'publisher' | 'worker',
    private readonly settings: Settings,
    private readonly longestIntervalMs: number,
    private readonly named: NamedLeases,
    private readonly parts: PartReports,
  ) {
    this.logger = loggerOf('LeaseKeeper', identity);
    this.renewals = new RenewalPace(
      () => this.beatNow(),
      () => this.beatIntervalMs,
    );
    this.reports = new LongAttemptReports(
      () => this.user?.report().working ?? [],
      (working) => processes.saveWorking(identity.id, working),
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

  /** Begins to beat. With `claims: false`, it takes no lease unless it is told to. */
  start(user: LeaseUser, options: { claims: boolean }): void {
    this.claims = options.claims && this.role !== 'publisher';
    if (this.heartbeat.isRunning) return;
    this.user = user;
    this.heartbeat.start(() => this.beat(() => this.claims));
    this.reports.start();
  }

  /** Sets whether free cursors are claimed from now on. */
  setClaims(claims: boolean): void {
    this.claims = claims && this.role !== 'publisher';
    this.beatNow();
  }

  /** Milliseconds since the heartbeat's latest round began. Undefined when it does not beat. */
  get heartbeatAgeMs(): number | undefined {
    return this.heartbeat.ageMs;
  }

  /** Beats at once, to claim or to renew. */
  beatNow(): void {
    this.heartbeat.beatNow();
  }

  /** Stops beating and signs out. The leases must be released before. */
  stop(): Promise<void> {
    this.renewals.stop();
    this.reports.stop();
    return this.heartbeat.stop();
  }

  /**
   * Claims what is free now, without waiting for the next beat. False means that this process could not yet
   * claim everything that it should.
   */
  async claimNow(): Promise<boolean> {
    await this.sequence.glance();
    return this.beat(() => this.role !== 'publisher');
  }

  /** Gives one lease back. False means that it was lost before. */
  async release(lease: HeldLease): Promise<boolean> {
    this.held.delete(lease.token);
    lease.invalidate();
    return this.cursors.release(lease.key, lease.token);
  }

  /** Forgets a lease without telling the database. The lease runs out, or this process claims it again. */
  forgetLease(lease: HeldLease): void {
    this.held.delete(lease.token);
    lease.invalidate();
  }

  /**
   * Milliseconds between two beats: two seconds, or less if leases are so short that they would not be
   * renewed in time.
   */
  private get beatIntervalMs(): number {
    return Math.min(this.longestIntervalMs, this.leaseMs / 3);
  }

  private get leaseMs(): number {
    return this.settings.snapshot().processingLeaseMs;
  }

  /** The connection is new. What was seen over the previous one may be out of date. */
  private nothingKnown(): void {
    this.renewals.restart();
    this.failures.restart();
  }

  private beat(mayClaim: () => boolean): Promise<boolean> {
    return this.heartbeat.beat((connection) => this.beatOnce(connection, mayClaim));
  }

  /** Beats once. Resolves to whether everything was claimed that should be. */
  private async beatOnce(connection: EngineConnection, mayClaim: () => boolean): Promise<boolean> {
    const claims = mayClaim();
    const user = this.user;
    if (user === undefined) return true;
    const leaseMs = this.leaseMs;
    const candidates = user.candidates();
    const sentAt = performance.now();
    const able = claims ? (this.able ?? candidates.map((candidate) => candidate.name)) : [];
    // The other processes share out the cursors by what this process says about itself. So a change of that
    // is written at once.
    const report = user.report();
    const told = `${able.join('\0')}\0\0${JSON.stringify(report.settings)}`;
    const renew = this.renewals.isDue(sentAt, leaseMs, told) || this.hasInvalid();
    const leases = this.role === 'publisher' ? undefined : await this.named.asked(this.failures.dead);
    const beat = {
      processId: this.identity.id,
      consumers: candidates.map((candidate) => candidate.name),
      able,
      tokens: [...this.held.keys()],
      leaseMs,
      renew,
      report,
      parts: renew ? this.parts.json() : null,
      leases,
    };
    const snapshot = await this.processes.beat(connection, beat, true).catch((error) => {
      this.named.beatFailed(error);
      throw error;
    });
    if (!this.heartbeat.isCurrent(connection)) return false;
    if (snapshot.sequenceSuspect === true) this.sequence.compareSoon();
    else if (renew) this.sequence.compareAgain();
    this.settings.applyStored(snapshot.settings, sentAt);
    const areCursorsRenewed = confirmLeases(this.held, snapshot, { sentAt, leaseMs }, (lease) =>
      user.lost(lease),
    );
    const isEachRenewed = this.named.seen(beat, snapshot, sentAt) && areCursorsRenewed && snapshot.isTold;
    if (renew) this.renewals.renewed(sentAt, isEachRenewed, told);
    if (snapshot.isTold) this.reports.renewed(report.working);
    this.failures.observe(snapshot.processes, this.identity.id);
    const isWhole = await this.isSignedIn(snapshot, connection);
    const haveVanished = this.report(snapshot, user);
    const isComplete =
      !claims ||
      (isWhole &&
        !haveVanished &&
        (await this.claimFree(snapshot, candidates, leaseMs, user, mayClaim).catch((error) => {
          this.logger.warnOfFailure(`Claiming is tried again with the next beat: ${messageOf(error)}`);
          return false;
        })));
    this.handOverOne(snapshot, user);
    await this.named.follow(beat, snapshot, this.failures);
    await this.heldByMissing.warnOfMissing(connection, snapshot, new Set(this.able), this.failures.unjudged);
    if (sentAt - this.forgotAt > leaseMs * 10) {
      this.forgotAt = sentAt;
      await this.processes.forgetGoneProcesses(leaseMs);
    }
    return isComplete;
  }

  /**
   * Returns whether this process has a row. The others share out the work only among processes that have one.
   * If somebody has emptied the tables, the row is gone, and this writes it again.
   */
  private async isSignedIn(snapshot: ClusterSnapshot, connection: EngineConnection): Promise<boolean> {
    if (this.role === 'publisher' || snapshot.processes.some(({ id }) => id === this.identity.id))
      return true;
    await this.heartbeat.signIn(connection);
    return false;
  }

  private hasInvalid(): boolean {
    for (const lease of this.held.values()) if (!lease.isValid()) return true;
    return this.named.hasInvalid();
  }

  private report(snapshot: ClusterSnapshot, user: LeaseUser): boolean {
    for (const cursor of snapshot.cursors) {
      const lease = cursor.leaseToken === null ? undefined : this.held.get(cursor.leaseToken);
      if (lease === undefined) continue;
      if (cursor.paused || cursor.superseded) user.handOver(lease);
      else user.leaseSeen(lease, cursor);
      if (cursor.superseded) this.readsNoMore(lease);
    }
    return user.cursorsSeen(snapshot.cursors, [...this.failures.dead]);
  }

  /**
   * Must run after `handOver` (see registration/hand-over.store.ts). If it fails, the next beat sees the same
   * and tries again.
   */
  private readsNoMore({ key, token }: HeldLease): void {
    this.cursors
      .readsNoMore(key, token)
      .catch((error) => this.logger.warnOfFailure(`Handing over is said later: ${messageOf(error)}`));
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
      // The loops may have been switched off during this beat. Then what they held was given back already.
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
