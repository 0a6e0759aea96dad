import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { clientOf } from '../../database/clients/session-client.js';
import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { IntegrationError, messageOf, RetryAfterError, UnavailableError } from '../../errors.js';
import { UuidV7Generator } from '../../events/uuid-v7.js';
import { AbortGroups } from '../../http/abort-groups.js';
import type { LaneRun, Outcome } from '../../lanes/lane-work.js';
import type { Lease } from '../../membership/leases/lease.js';
import type { LeaseStore } from '../../membership/leases/lease.store.js';
import type { PartEvents } from '../../outbox/part-events.js';
import type { Times } from '../../timing/timing.js';
import { storableText } from '../../words/text.js';
import type { FoundSync, SyncKind, SyncPage } from '../definition/sync.js';
import { contextOf } from '../tenants/connection-context.js';
import type { TenantParts } from '../tenants/tenant-parts.js';
import { usable } from '../tenants/usable-connection.js';
import { nextAfterFailure, nextBySchedule } from './next-run.js';
import { type CheckedPage, checkedPage, checkedRecord, nameOf, UnfitPage } from './page.js';
import { buryRecords, NO_COUNTS, savePage } from './page-saver.js';
import type { RecordStore } from './record.store.js';
import type { LockedStream, Stream, SyncRunError, SyncRunStatus } from './stream.js';
import type { DueStream, StreamStore } from './stream.store.js';
import type { SyncContext } from './sync-context.js';
import { badPage, crashed, stalled, suspiciousDeletions, tooManyProblems } from './sync-errors.js';
import { runEvent } from './sync-events.js';
import type { SyncMetrics } from './sync-metrics.js';
import type { SyncSettings } from './sync-settings.js';
import { TimestampCursor } from './timestamp-cursor.js';

/** So few records may always be deleted, or be set aside. */
const ALWAYS_ALLOWED = 10;
/** Records that one transaction of a sweep deletes. */
const SWEPT_AT_ONCE = 1_000;
/** Records set aside that are tried again at once. */
const RETRIED_AT_ONCE = 500;
/** Attempts without a page, whose processes have ended. */
const MOST_STARTS = 5;
const UNAVAILABLE_MS = 10_000;
const LONGEST_MESSAGE = 2_000;

const IDS = new UuidV7Generator();

export interface RunParts {
  readonly db: EngineDatabase;
  readonly streams: StreamStore;
  readonly records: RecordStore;
  readonly events: PartEvents;
  readonly leases: LeaseStore;
  readonly metrics: SyncMetrics;
  readonly tenants: () => TenantParts;
  readonly settings: () => Readonly<SyncSettings>;
  /** For how long a transaction may be idle, in milliseconds. */
  readonly idleMs: () => number;
  readonly maxPayloadBytes: number;
  readonly times: Times | undefined;
}

/** The stream is another attempt's by now, or was cancelled: nothing more is saved. */
class NotOurs extends Error {}

/** How an attempt ended, if nothing was thrown. */
type Ending = 'end' | 'hand-over' | 'time-over' | 'paused';

/*
 * Why two attempts never save in one stream, and why an attempt goes on where the one before stopped.
 *
 * Every transaction of an attempt first fences the lease of its lane, then locks the row of the stream, and
 * compares the token that it wrote there when it began. An owner that was stalled has lost the lease; one
 * whose stream was cancelled, paused and resumed, or begun anew has another token. Both get no row, and save
 * nothing. The order of locks is that of the lanes: lease, stream, records.
 *
 * A stream stays due while its run is under way. So the next owner of the lane finds it, writes a token of
 * its own, and goes on at the checkpoint. What a full run has seen bears its generation, which stays the same
 * until the run has come to its end, over all attempts and runs that it takes.
 */

/** One attempt to run a stream, from its claim to its end. */
export class SyncAttempt {
  private readonly token = randomUUID();
  private readonly groups = new AbortGroups();
  private readonly name: string;
  private runId = '';
  private cursors: TimestampCursor[] = [];

  constructor(
    private readonly parts: RunParts,
    private readonly due: DueStream,
    private readonly sync: FoundSync,
    private readonly context: LaneRun,
  ) {
    this.name = `sync ${due.connector}.${due.sync}`;
  }

  async run(): Promise<Outcome> {
    try {
      const begun = await this.begin();
      if (begun === undefined) return { is: 'done' };
      return await this.work(begun);
    } catch (error) {
      if (error instanceof NotOurs) return { is: 'done' };
      throw error;
    } finally {
      if (this.context.signal.aborted)
        await this.parts.streams.giveBack(this.due.tenantId, this.due.key, this.token).catch(() => undefined);
    }
  }

  /** Claims the stream, which counts the attempt. Undefined if it is not due any more. */
  private async begin(): Promise<LockedStream | undefined> {
    const { db, streams } = this.parts;
    const { tenantId, key } = this.due;
    const names: string[] = [];
    const begun = await db.transaction(async (session) => {
      names.length = 0;
      await this.fence(session);
      const stream = await streams.lock(session, tenantId, key);
      if (
        stream === undefined ||
        stream.isPaused ||
        stream.nextRunAt === null ||
        stream.nextRunAt > stream.now
      )
        return undefined;
      const claimed = { ...stream, ownerToken: this.token, starts: stream.starts + 1 };
      if (stream.runId !== null) {
        this.runId = stream.runId;
        await streams.write(session, claimed);
        return claimed;
      }
      const kind = stream.wantedKind ?? stream.openKind ?? this.usualKind(stream);
      const runId = IDS.next();
      this.runId = runId;
      const opened: LockedStream = { ...claimed, ...openedAs(kind, stream), runId, wantedKind: null };
      await streams.addRun(session, opened, runId, kind, stream.now);
      await streams.write(session, opened);
      const event = runEvent(opened, 'started', { ...NO_COUNTS, id: runId, kind }, null);
      await this.parts.events.write(clientOf(session), [event]);
      names.push(event.eventName);
      return opened;
    });
    this.parts.events.committed(names);
    return begun;
  }

  private usualKind({ checkpoint }: Stream): SyncKind {
    if (this.sync.mode === 'full') return 'full';
    return checkpoint === null ? 'backfill' : 'delta';
  }

  private async work(begun: LockedStream): Promise<Outcome> {
    const { signal } = this.context;
    const { maxRunMs } = this.sync;
    if (begun.starts > MOST_STARTS) return this.failed(crashed(this.name, begun.starts - 1));
    const ending = new AbortController();
    const leave = this.groups.join(signal, { abort: () => ending.abort(signal.reason) });
    let isTimeOver = false;
    const timer = setTimeout(() => {
      isTimeOver = true;
      ending.abort(new Error('the time of the run is over'));
    }, maxRunMs);
    try {
      const ended = begun.isComplete ? 'end' : await this.pages(begun, ending.signal);
      if (ended === 'end') return await this.complete();
      return ended === 'time-over' ? await this.timeOver(begun) : await this.yields(0);
    } catch (error) {
      if (error instanceof NotOurs || signal.aborted) throw error;
      if (isTimeOver) return await this.timeOver(begun);
      return await this.failedOrWaits(error);
    } finally {
      clearTimeout(timer);
      leave();
      ending.abort();
    }
  }

  /** Asks for pages and saves them, until there are no more or somebody else is to go on. */
  private async pages(begun: LockedStream, signal: AbortSignal): Promise<Ending> {
    const { tenants } = this.parts;
    const opened = await usable(begun.tenantId, begun.connectionId, tenants());
    tenants().use.used(opened.connection);
    await this.retryAside(begun);
    const context = this.contextFor(begun, contextOf(opened, tenants(), signal));
    const generator = this.sync.run(context) as AsyncGenerator<SyncPage, void, undefined>;
    if (typeof Object(generator).next !== 'function')
      throw badPage(this.name, 1, 'the method of the sync is no generator');
    const endsAt = performance.now() + this.sync.maxRunMs;
    let since = begun.now;
    try {
      for (let number = 1; ; number++) {
        const asked = await this.groups.unless(signal, generator.next());
        if (asked.done === true) {
          await this.endPages(signal, number);
          return 'end';
        }
        const page = await this.checked(asked.value, number);
        const saved = await this.savePage(page, since, number);
        since = saved.now;
        if (saved.isPaused) return 'paused';
        if (this.context.lease.signal.aborted || !this.parts.settings().enabled) return 'hand-over';
        if (performance.now() >= endsAt) return 'time-over';
      }
    } finally {
      // What hangs would hang here as well, so nobody waits for it.
      Promise.resolve(generator.return(undefined)).catch(() => undefined);
    }
  }

  private contextFor(begun: LockedStream, connection: ReturnType<typeof contextOf>): SyncContext {
    const checkpoint = begun.checkpoint ?? undefined;
    return {
      ...connection,
      kind: begun.openKind ?? 'full',
      checkpoint,
      timestampCursor: (options) => {
        const cursor = new TimestampCursor(options, checkpoint, begun.now);
        this.cursors.push(cursor);
        return cursor;
      },
    };
  }

  private async checked(given: unknown, number: number): Promise<CheckedPage> {
    try {
      return await checkedPage(given, { sync: this.sync, maxPayloadBytes: this.parts.maxPayloadBytes });
    } catch (error) {
      if (error instanceof UnfitPage) throw badPage(this.name, number, error.message);
      throw error;
    }
  }

  private savePage(page: CheckedPage, since: Date, number: number) {
    const begun = performance.now();
    return this.saves(async (session, stream) => {
      const saved = await savePage(session, this.parts, stream, this.sync, page, { since, toldAt: null });
      const run = await this.parts.streams.countRun(session, this.runOf(stream), saved.counts);
      const records = run?.records ?? 0;
      const problems = run?.problems ?? 0;
      const percent = this.parts.settings().problemPercent;
      if (problems > ALWAYS_ALLOWED && problems * 100 > records * percent)
        throw tooManyProblems(this.name, { problems, records, percent }, page.problems[0]);
      const isFirst = number === 1 && run?.pages === 1 && stream.checkpoint === null;
      const isEmpty = page.fit.length + page.problems.length === 0;
      await this.parts.streams.write(session, {
        ...stream,
        starts: 0,
        checkpoint: page.checkpoint === undefined ? stream.checkpoint : page.checkpoint,
        isFirstEmpty: isFirst ? isEmpty : stream.isFirstEmpty,
      });
      this.parts.metrics.saved(this.label, saved.counts, performance.now() - begun);
      return { ...saved, isPaused: stream.isPaused, now: stream.now };
    });
  }

  /** The generator came to its end: from now on, what the generation has not seen is known to be gone. */
  private endPages(signal: AbortSignal, number: number): Promise<unknown> {
    signal.throwIfAborted();
    const [cursor] = this.cursors.slice(-1);
    return this.saves(async (session, stream) => {
      const isOfCursor = cursor?.last !== undefined && isDeepStrictEqual(stream.checkpoint, cursor.last);
      const checkpoint = isOfCursor ? cursor.end() : stream.checkpoint;
      const isFirstEmpty = number === 1 && stream.checkpoint === null ? true : stream.isFirstEmpty;
      await this.parts.streams.write(session, {
        ...stream,
        starts: 0,
        checkpoint,
        isComplete: true,
        isFirstEmpty,
      });
      return { eventNames: [] };
    });
  }

  /** Sweeps, if the run does, and ends the run. */
  private async complete(): Promise<Outcome> {
    let after = '';
    for (;;) {
      const step = await this.saves((session, stream) => this.sweepSome(session, stream, after));
      if (step.isSuspicious) return DONE;
      if (step.last === undefined) break;
      after = step.last;
      if (this.context.lease.signal.aborted) return this.yields(0);
    }
    await this.ends('completed', null, (stream, scheduled) => ({
      status: 'ok',
      openKind: null,
      checkpoint: this.sync.mode === 'full' ? null : stream.checkpoint,
      isComplete: false,
      isConfirmed: false,
      failures: 0,
      stalledRuns: 0,
      nextRunAt: scheduled ?? null,
      lastOkAt: stream.now,
    }));
    return { is: 'done' };
  }

  /**
   * Deletes the next records of a sweep. The first step judges how many would be deleted. A sweep that was
   * allowed once stays allowed, because fewer and fewer records are left.
   */
  private async sweepSome(session: EngineSession, stream: LockedStream, after: string): Promise<Swept> {
    const { records, streams } = this.parts;
    const { generation, fullSince, isConfirmed, isFirstEmpty } = stream;
    if (this.sync.deletions !== 'sweep' || stream.openKind !== 'full' || fullSince === null)
      return NOTHING_SWEPT;
    let within = stream;
    if (!isConfirmed) {
      const { gone, had } = await records.countSwept(session, stream, generation, fullSince);
      const isMuch = gone > ALWAYS_ALLOWED && gone * 100 > had * this.parts.settings().deletionPercent;
      if (isMuch || (isFirstEmpty && gone > 0)) {
        const error = suspiciousDeletions(this.name, { gone, had, isEmpty: isFirstEmpty });
        const eventNames = await this.endIn(
          session,
          stream,
          'suspicious',
          errorOf(error, this.sync),
          (_, scheduled) => ({
            status: 'suspicious',
            nextRunAt: scheduled ?? null,
          }),
        );
        return { isSuspicious: true, eventNames };
      }
      within = { ...stream, isConfirmed: true };
      await streams.write(session, within);
    }
    const ids = await records.unseen(session, stream, generation, fullSince, after, SWEPT_AT_ONCE);
    const last = ids.at(-1);
    if (last === undefined) return NOTHING_SWEPT;
    const saved = await buryRecords(session, this.parts, within, this.sync, ids, null);
    await streams.countRun(session, this.runOf(stream), saved.counts);
    return { isSuspicious: false, eventNames: saved.eventNames, last };
  }

  /** Tries what was set aside once more: its mapping may have been corrected. */
  private async retryAside(begun: LockedStream): Promise<void> {
    if (this.sync.records !== 'full') return;
    for (let after = ''; ; ) {
      const kept = await this.parts.records.kept(begun, after, RETRIED_AT_ONCE);
      const last = kept.at(-1);
      if (last === undefined) return;
      after = last.externalId;
      const rules = { sync: this.sync, maxPayloadBytes: this.parts.maxPayloadBytes };
      const tried = await Promise.all(
        kept.map(({ data, externalId }) => checkedRecord(data, externalId, rules)),
      );
      const fit = tried.flatMap((each) => ('json' in each ? [each] : []));
      if (fit.length === 0) continue;
      await this.saves(async (session, stream) => {
        const page = { fit, problems: [], deleted: [] };
        const origin = { since: begun.now, toldAt: null };
        const saved = await savePage(session, this.parts, stream, this.sync, page, origin);
        await this.parts.streams.countRun(session, this.runOf(stream), { ...saved.counts, pages: 0 });
        return saved;
      });
    }
  }

  /**
   * The place is for others, and the run goes on later. A run that uses up its time twice in vain has
   * stalled.
   */
  private async timeOver(begun: LockedStream): Promise<Outcome> {
    const outcome = await this.saves(async (session, stream) => {
      const hasMoved = stream.isComplete || !isDeepStrictEqual(stream.checkpoint, begun.checkpoint);
      const stalledRuns = hasMoved ? 0 : stream.stalledRuns + 1;
      if (stalledRuns < 2) {
        await this.parts.streams.write(session, { ...stream, ownerToken: null, starts: 0, stalledRuns });
        return { eventNames: [], outcome: AGAIN };
      }
      const error = stalled(this.name, this.sync.maxRunMs);
      const names = await this.endIn(
        session,
        stream,
        'stalled',
        errorOf(error, this.sync),
        (of, scheduled) => ({
          status: 'stalled',
          stalledRuns,
          failures: of.failures + 1,
          nextRunAt: scheduled ?? null,
        }),
      );
      return { eventNames: names, outcome: DONE };
    });
    return outcome.outcome;
  }

  private async yields(afterMs: number): Promise<Outcome> {
    await this.saves(async (session, stream) => {
      const nextRunAt = stream.nextRunAt === null ? null : new Date(stream.now.getTime() + afterMs);
      await this.parts.streams.write(session, { ...stream, ownerToken: null, starts: 0, nextRunAt });
      return { eventNames: [] };
    });
    return { is: 'again', afterMs, isFailure: false };
  }

  private failedOrWaits(error: unknown): Promise<Outcome> {
    const waitMs = waitOf(error);
    return waitMs === undefined ? this.failed(error) : this.yields(waitMs);
  }

  /** The run has failed. What was saved stays, nothing is deleted, and a later run goes on there. */
  private async failed(error: unknown): Promise<Outcome> {
    await this.ends('failed', errorOf(error, this.sync), (stream, scheduled) => ({
      status: 'failing',
      failures: stream.failures + 1,
      nextRunAt: nextAfterFailure(stream.failures + 1, scheduled, stream.now),
    }));
    return { is: 'again', afterMs: 0, isFailure: true };
  }

  private async ends(
    status: Exclude<SyncRunStatus, 'running'>,
    error: SyncRunError | null,
    change: EndChange,
  ): Promise<void> {
    await this.saves(async (session, stream) => ({
      eventNames: await this.endIn(session, stream, status, error, change),
    }));
  }

  /** Ends the run, in a transaction that has compared the token. Returns the names of its events. */
  private async endIn(
    session: EngineSession,
    stream: LockedStream,
    status: Exclude<SyncRunStatus, 'running'>,
    error: SyncRunError | null,
    change: EndChange,
  ): Promise<string[]> {
    const { streams, events, times, metrics } = this.parts;
    const scheduled = nextBySchedule(this.sync, stream.id, stream.now, times);
    const run = await streams.countRun(session, this.runOf(stream), NO_COUNTS, status, error);
    await streams.write(session, {
      ...stream,
      runId: null,
      ownerToken: null,
      starts: 0,
      ...change(stream, scheduled),
      ...(stream.isPaused ? { nextRunAt: null } : {}),
    });
    metrics.ended(this.label, status);
    if (run === undefined) return [];
    const event = runEvent(stream, status === 'completed' ? 'completed' : 'failed', run, error);
    await events.write(clientOf(session), [event]);
    return [event.eventName];
  }

  /** One fenced transaction of this attempt. */
  private async saves<R extends { readonly eventNames: readonly string[] }>(
    save: (session: EngineSession, stream: LockedStream) => Promise<R>,
  ): Promise<R> {
    const { db, streams, events } = this.parts;
    const saved = await db.transaction(async (session) => {
      await this.fence(session);
      const stream = await streams.lock(session, this.due.tenantId, this.due.key);
      if (stream === undefined || stream.ownerToken !== this.token) throw new NotOurs();
      return save(session, stream);
    });
    events.committed(saved.eventNames);
    return saved;
  }

  private async fence(session: EngineSession): Promise<void> {
    const { leases, idleMs } = this.parts;
    const { lease } = this.context;
    const valid = await leases.fenceAll(session, [lease as Lease], idleMs());
    if (valid.get(lease.name) !== lease.token) throw new NotOurs();
  }

  private runOf({ tenantId }: Stream) {
    return { tenantId, runId: this.runId };
  }

  private get label(): string {
    return `${this.due.connector}.${this.due.sync}`;
  }
}

/** One step of a sweep. `last` is where the next one begins; without it, there is none. */
interface Swept {
  readonly isSuspicious: boolean;
  readonly eventNames: readonly string[];
  readonly last?: string;
}

const NOTHING_SWEPT: Swept = { isSuspicious: false, eventNames: [] };

type EndChange = (stream: LockedStream, scheduled: Date | undefined) => Partial<Stream>;

const DONE: Outcome = { is: 'done' };
const AGAIN: Outcome = { is: 'again', afterMs: 0, isFailure: false };

/** How a run begins. One that was begun earlier and has not come to its end goes on. */
function openedAs(kind: SyncKind, stream: LockedStream): Partial<Stream> {
  const { openKind, generation, now, status, isConfirmed } = stream;
  // One that nobody has confirmed asks again for everything: the other system may have been wrong.
  const isRefused = status === 'suspicious' && !isConfirmed;
  if (kind === openKind && !isRefused) return {};
  const opened = { openKind: kind, isComplete: false, isFirstEmpty: false, isConfirmed: false };
  if (kind === 'delta') return opened;
  if (kind === 'backfill') return { ...opened, checkpoint: null };
  return { ...opened, checkpoint: null, generation: generation + 1, fullSince: now };
}

/** For how long the other system wants no requests. Undefined for a failure. */
function waitOf(error: unknown): number | undefined {
  if (error instanceof RetryAfterError) return error.delayMs;
  if (error instanceof UnavailableError) return error.retryAfterMs ?? UNAVAILABLE_MS;
  if (!(error instanceof IntegrationError)) return undefined;
  const isWait = error.code === 'INTEGRATION_RATE_LIMITED' || error.code === 'INTEGRATION_CIRCUIT_OPEN';
  const { retryAfterMs } = error.details;
  return isWait && typeof retryAfterMs === 'number' ? retryAfterMs : undefined;
}

/**
 * An error as it is stored. The errors of this package repeat nothing of records. Others may, so where the
 * sync is to keep nothing of them, only the name of such an error is kept.
 */
function errorOf(error: unknown, { records, events }: FoundSync): SyncRunError {
  if (error instanceof IntegrationError)
    return { code: error.code, message: storableText(error.message, LONGEST_MESSAGE) };
  const isKept = records === 'full' || events === 'full';
  const message = isKept ? messageOf(error) : `It has thrown ${nameOf(error)}`;
  return { code: nameOf(error), message: storableText(message, LONGEST_MESSAGE) };
}
