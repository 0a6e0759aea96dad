import type { AggregateKey } from '../../src/events/aggregate-key.js';
import type { ClaimedCursor, InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import type { Claimed, ClaimedRow, InboxEventStore } from '../../src/inbox/inbox-event.store.js';
import type { InboxStatus } from '../../src/inbox/inbox-status.js';
import type { Settlement, SettlementStore } from '../../src/inbox/settlement.store.js';
import type { LogEvent } from '../../src/log/log-event.js';
import type { LogPage, OutboxLogStore } from '../../src/log/outbox-log.store.js';
import { PositionSet } from '../../src/log/position-set.js';
import type { SharedScan } from '../../src/log/sharing/shared-scan.js';
import { logEventAt } from './log-event-at.js';

export const KEY = { consumerName: 'consumer', partition: 0 };

/** A row of the simulated inbox; `availableAt` in ms of the test's clock, or ±Infinity as in the table. */
export interface SimulatedRow {
  readonly id: string;
  readonly position: number;
  readonly aggregateId: string;
  status: InboxStatus;
  attempt: number;
  availableAt: number | undefined;
  suspicion: 'interrupted' | 'alone' | undefined;
  /** Whether its handler has put it off, without an attempt that counted since. */
  isPostponed: boolean;
}

type Claim = Parameters<InboxEventStore['claimDue']>;

const FOLLOWERS = 100;
const NO_ROWS = { exceptions: [], resolved: [], release: [] };

/** Of the statements of a worker that are under way, one. */
export interface Statement {
  readonly name: string;
  /** The server carries it out; the answer is on its way from then on. */
  execute(): void;
  answer(): void;
  fail(error: Error): void;
  readonly isExecuted: boolean;
}

/**
 * One consumer's cursor and inbox, and the log, as the engine's statements change them. The statements are those of
 * the stores, said again without SQL: what they do to a table of rows is what this class does to its own.
 */
export class SimulatedInbox {
  readonly log: { readonly position: number; readonly event: LogEvent }[] = [];
  readonly rows = new Map<number, SimulatedRow>();
  readonly unread = PositionSet.range(1);
  changedByOthers = 0;
  private token = 0;
  readUpto: number | null = null;
  uncleanTakeovers = 0;
  suspectsBelow: number | null = null;

  constructor(private readonly now: () => number) {}

  publish(aggregateId: string, delayMs?: number): number {
    const position = this.log.length + 1;
    this.log.push({ position, event: logEventAt(position, aggregateId, delayMs) });
    return position;
  }

  claimCursor(isUnclean: boolean): ClaimedCursor {
    if (isUnclean) this.uncleanTakeovers++;
    this.token++;
    return {
      ...KEY,
      partitions: 1,
      eventNames: ['*'],
      leaseToken: String(this.token),
      unread: this.unread.clone(),
      readUpto: this.readUpto,
      uncleanTakeovers: this.uncleanTakeovers,
      suspectsBelow: this.suspectsBelow,
      changedByOthers: this.changedByOthers,
      replays: [],
      registeredAt: 0,
      wasOurs: !isUnclean,
    };
  }

  isUnresolved({ status, availableAt }: SimulatedRow): boolean {
    if (status === 'processing') return true;
    if (status === 'failed') return availableAt !== undefined;
    return status === 'received' && (availableAt === Infinity || availableAt === -Infinity);
  }

  /** What a beat sees. */
  get dueInMs(): number | null {
    const due = [...this.rows.values()]
      .filter(({ status, availableAt }) => isWaiting(status) && (availableAt ?? Infinity) < Infinity)
      .map(({ availableAt }) => Math.max(0, (availableAt ?? 0) - this.now()));
    return due.length === 0 ? null : Math.min(...due);
  }

  redrive(position: number): boolean {
    const row = this.rows.get(position);
    const isDead =
      row?.status === 'dead_letter' || (row?.status === 'failed' && row.availableAt === undefined);
    if (row === undefined || !isDead) return false;
    Object.assign(row, { status: 'received', attempt: 0, availableAt: this.now() });
    this.changedByOthers++;
    return true;
  }

  discard(position: number): boolean {
    const row = this.rows.get(position);
    if (row === undefined || !['received', 'failed', 'dead_letter'].includes(row.status)) return false;
    Object.assign(row, { status: 'skipped', availableAt: undefined, suspicion: undefined });
    this.changedByOthers++;
    return true;
  }

  /**
   * What the transaction of a transactional handler does about the event at its commit: true if its effects count, else what is known
   * of the event already.
   */
  commitHandler(position: number, aggregateId: string, attempt: number | undefined): boolean | InboxStatus {
    const row = this.rows.get(position);
    if (attempt !== undefined) {
      if (row?.status !== 'processing' || row.attempt !== attempt) return row?.status ?? false;
      Object.assign(row, { status: 'processed', availableAt: undefined });
      return true;
    }
    if (row !== undefined) return row.status;
    const done = {
      status: 'processed' as const,
      attempt: 1,
      availableAt: undefined,
      suspicion: undefined,
      isPostponed: false,
    };
    this.rows.set(position, { id: `row ${position}`, position, aggregateId, ...done });
    return true;
  }

  /** The same of a batch: its positions leave the cursor; true for those whose effects count. */
  commitBatch(positions: readonly number[]): boolean[] {
    const counts = positions.map((position) => this.unread.has(position));
    this.unread.removeAll(PositionSet.of(positions));
    return counts;
  }

  // The log

  readPage(wanted: PositionSet, rows: number): LogPage {
    const found = this.log.filter(({ position }) => wanted.has(position)).slice(0, rows);
    return {
      positions: PositionSet.of(found.map(({ position }) => position)),
      events: found.map(({ event }) => event),
      cut: found.length >= rows,
    };
  }

  readByPosition(positions: readonly number[]): Map<number, LogEvent> {
    return new Map(
      this.log
        .filter(({ position }) => positions.includes(position))
        .map(({ position, event }) => [position, event]),
    );
  }

  // The cursor

  settle(token: string, settlement: Settlement): Awaited<ReturnType<SettlementStore['settle']>> {
    if (token !== String(this.token)) return { held: false, found: [], updated: [], stillBlocked: [] };
    const before = new Map([...this.rows].map(([position, row]) => [position, { ...row }]));
    this.unread.removeAll(PositionSet.parse(settlement.positions));
    const found = settlement.exceptions.filter((row) => this.rows.has(row.position));
    for (const row of settlement.exceptions) {
      if (this.rows.has(row.position)) continue;
      this.rows.set(row.position, {
        id: `row ${row.position}`,
        position: row.position,
        aggregateId: row.aggregateId,
        status: row.status,
        attempt: row.attempt,
        availableAt: this.due(row.availableInMs),
        suspicion: row.isSuspect ? 'interrupted' : undefined,
        isPostponed: row.isPostponed,
      });
    }
    const updated = settlement.resolved.filter((given) => {
      const row = [...this.rows.values()].find(({ id }) => id === given.inboxEventId);
      if (row?.status !== 'processing' || row.attempt !== given.attempt) return false;
      row.status = given.status;
      row.attempt = given.attempt - Number(given.attemptGivenBack ?? false);
      const hasNotRun = given.attemptGivenBack === true && given.availableInMs !== undefined;
      const staysSuspect = given.isSuspect || (hasNotRun && row.suspicion !== undefined);
      row.suspicion = staysSuspect ? 'interrupted' : undefined;
      row.isPostponed = given.isPostponed || (hasNotRun && row.isPostponed);
      row.availableAt = this.due(given.availableInMs);
      return true;
    });
    // Looked up in the statement's snapshot: what it writes itself is not seen.
    const stillBlocked = settlement.release.filter(({ aggregateId }) => {
      const next = [...before.values()]
        .filter((row) => row.aggregateId === aggregateId && this.isUnresolved(row))
        .filter((row) => !settlement.resolved.some(({ inboxEventId }) => inboxEventId === row.id))
        .sort(byPosition)[0];
      const row = next && this.rows.get(next.position);
      if (row !== undefined && next?.status === 'received') row.availableAt = -Infinity;
      return row !== undefined;
    });
    for (const [position, row] of before) {
      const isCovered = settlement.covered.includes(`event ${position}`) && row.status === 'processed';
      if (isCovered) this.rows.delete(position);
    }
    return {
      held: true,
      found: found.map(({ position, aggregateType, aggregateId }) => ({
        position,
        aggregateType,
        aggregateId,
        status: this.rows.get(position)?.status ?? 'processed',
      })),
      updated: updated.map(({ inboxEventId }) => inboxEventId),
      stillBlocked,
    };
  }

  settlePositions(token: string, positions: string, readUpto: number): boolean {
    if (!this.saveReadUpto(token, readUpto)) return false;
    this.unread.removeAll(PositionSet.parse(positions));
    return true;
  }

  saveReadUpto(token: string, upto: number): boolean {
    if (token !== String(this.token)) return false;
    this.readUpto = Math.max(this.readUpto ?? 0, upto);
    return true;
  }

  saveSuspectsBelow(token: string, below: number): boolean {
    if (token !== String(this.token)) return false;
    this.suspectsBelow = below;
    return true;
  }

  forgetUncleanTakeovers(token: string, below: number): boolean {
    if (token !== String(this.token) || this.unread.hasBelow(below)) return false;
    this.uncleanTakeovers = 0;
    this.suspectsBelow = null;
    return true;
  }

  moveToInbox(
    token: string,
    event: { position: number } & AggregateKey,
  ): { held: boolean; inboxEventId: string | undefined } {
    if (token !== String(this.token)) return { held: false, inboxEventId: undefined };
    this.unread.removeRange(event.position, event.position + 1);
    if (this.rows.has(event.position)) return { held: true, inboxEventId: undefined };
    const { position, aggregateId } = event;
    const id = `row ${position}`;
    const row = {
      id,
      position,
      aggregateId,
      status: 'processing' as const,
      attempt: 1,
      suspicion: 'alone' as const,
      isPostponed: false,
    };
    this.rows.set(position, { ...row, availableAt: this.now() });
    return { held: true, inboxEventId: id };
  }

  // The inbox

  claimDue([, token, limit, ordered, which]: Claim): Claimed {
    if (token !== String(this.token)) return { rows: [], more: false };
    const alone = which === 'suspects';
    const heads = [...this.rows.values()]
      .filter((row) => which === 'any' || alone === (row.suspicion === 'interrupted'))
      .filter((row) => isWaiting(row.status) && (row.availableAt ?? Infinity) <= this.now())
      .filter((row) => !ordered || (this.lowest(row.aggregateId)?.position ?? row.position) >= row.position)
      .sort((a, b) => (a.availableAt ?? 0) - (b.availableAt ?? 0) || byPosition(a, b))
      .slice(0, limit);
    const followers = ordered && !alone ? heads.filter(({ availableAt }) => availableAt === -Infinity) : [];
    const runs = followers.flatMap((head) => this.runBehind(head)).slice(0, Math.max(FOLLOWERS, limit));
    const claim = (row: SimulatedRow, follows: boolean): ClaimedRow => {
      row.status = 'processing';
      row.attempt++;
      if (alone) row.suspicion = 'alone';
      const { id, position, attempt, aggregateId } = row;
      const outboxEventId = `event ${position}`;
      return {
        inboxEventId: id,
        outboxEventId,
        position,
        attempt,
        follows,
        decision: null,
        decidedAt: null,
        aggregateType: 'thing',
        aggregateId,
      };
    };
    return {
      rows: [...heads.map((row) => claim(row, false)), ...runs.map((row) => claim(row, true))],
      more: heads.length > 0 && heads.length === limit,
    };
  }

  interruptLeftovers(token: string, mine: readonly string[], blameless: boolean): number {
    if (token !== String(this.token)) return 0;
    const leftovers = [...this.rows.values()].filter(
      (row) => row.status === 'processing' && !mine.includes(row.id),
    );
    for (const row of leftovers) {
      row.status = 'failed';
      row.availableAt = this.now();
      const wasAlone = row.suspicion === 'alone';
      row.attempt -= Number(blameless || !wasAlone);
      if (!blameless || wasAlone) row.suspicion = 'interrupted';
    }
    return leftovers.length;
  }

  countForeignProcessing(mine: readonly string[]): number {
    return [...this.rows.values()].filter((row) => row.status === 'processing' && !mine.includes(row.id))
      .length;
  }

  hasSuspects(): boolean {
    return [...this.rows.values()].some(
      (row) => row.status === 'failed' && row.availableAt !== undefined && row.suspicion === 'interrupted',
    );
  }

  unresolvedAggregates(): (AggregateKey & { highest: number })[] {
    const rows = [...this.rows.values()].filter((row) => this.isUnresolved(row)).sort(byPosition);
    const highest = new Map(rows.map(({ aggregateId, position }) => [aggregateId, position]));
    return [...highest].map(([aggregateId, position]) => ({
      aggregateType: 'thing',
      aggregateId,
      highest: position,
    }));
  }

  private lowest(aggregateId: string): SimulatedRow | undefined {
    return [...this.rows.values()]
      .filter((row) => row.aggregateId === aggregateId && this.isUnresolved(row))
      .sort(byPosition)[0];
  }

  private runBehind(head: SimulatedRow): SimulatedRow[] {
    const behind = [...this.rows.values()]
      .filter(({ aggregateId, position }) => aggregateId === head.aggregateId && position > head.position)
      .filter((row) => this.isUnresolved(row))
      .sort(byPosition);
    const broken = behind.findIndex((row) => row.status !== 'received' || row.availableAt !== Infinity);
    return broken < 0 ? behind : behind.slice(0, broken);
  }

  private due(inMs: number | undefined): number | undefined {
    return inMs === undefined || inMs === Infinity ? inMs : this.now() + inMs;
  }
}

/** The connections of one worker: each of its statements is carried out, and answered, when the test says. */
export class SimulatedConnections {
  readonly statements: Statement[] = [];

  constructor(private readonly inbox: SimulatedInbox) {}

  /** The stores, as far as a worker uses them. */
  get stores() {
    const { inbox } = this;
    const send = <T>(name: string, run: () => T): Promise<T> => this.send(name, run);
    const log: Pick<OutboxLogStore, 'readByPosition' | 'readHead'> = {
      readByPosition: (positions) => send('readByPosition', () => inbox.readByPosition(positions)),
      readHead: () => send('readHead', () => inbox.log.length),
    };
    const scan: Pick<SharedScan, 'join'> = {
      join: () => ({
        readPage: (wanted, rows) => send('readPage', () => inbox.readPage(wanted, rows)),
        readWriters: () => send('readWriters', () => []),
        sharers: 1,
        leave: () => {},
      }),
    };
    const cursors: Pick<
      InboxCursorStore,
      'saveReadUpto' | 'saveSuspectsBelow' | 'forgetUncleanTakeovers' | 'moveToInbox'
    > = {
      saveReadUpto: (_key, token, upto) => send('saveReadUpto', () => inbox.saveReadUpto(token, upto)),
      saveSuspectsBelow: (_key, token, below) =>
        send('saveSuspectsBelow', () => inbox.saveSuspectsBelow(token, below)),
      forgetUncleanTakeovers: (_key, token, below) =>
        send('forgetUncleanTakeovers', () => inbox.forgetUncleanTakeovers(token, below)),
      moveToInbox: (_key, token, event) => send('moveToInbox', () => inbox.moveToInbox(token, event)),
    };
    const settlements: Pick<SettlementStore, 'settle' | 'settlePositions' | 'settleCovered'> = {
      settle: (_key, token, settlement) => send('settle', () => inbox.settle(token, settlement)),
      settlePositions: (_key, token, positions, readUpto) =>
        send('settle', () => inbox.settlePositions(token, positions, readUpto)),
      settleCovered: (_key, token, positions, covered) =>
        send('settle', () => inbox.settle(token, { ...NO_ROWS, positions, covered }).held),
    };
    const rows: Pick<
      InboxEventStore,
      'claimDue' | 'interruptLeftovers' | 'countForeignProcessing' | 'hasSuspects' | 'unresolvedAggregates'
    > = {
      claimDue: (...args) => send('claimDue', () => inbox.claimDue(args)),
      interruptLeftovers: (_key, token, mine, blameless) =>
        send('interruptLeftovers', () => inbox.interruptLeftovers(token, mine, blameless)),
      countForeignProcessing: (_key, mine) =>
        send('countForeignProcessing', () => inbox.countForeignProcessing(mine)),
      hasSuspects: () => send('hasSuspects', () => inbox.hasSuspects()),
      unresolvedAggregates: () => send('unresolvedAggregates', () => inbox.unresolvedAggregates()),
    };
    return { log, scan, cursors, settlements, inbox: rows };
  }

  private send<T>(name: string, run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let executed: { readonly result: T } | undefined;
      const leave = () => this.statements.splice(this.statements.indexOf(statement), 1);
      const statement: Statement = {
        name,
        execute: () => {
          executed ??= { result: run() };
        },
        answer: () => {
          leave();
          statement.execute();
          if (executed !== undefined) resolve(executed.result);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
        get isExecuted() {
          return executed !== undefined;
        },
      };
      this.statements.push(statement);
    });
  }
}

function isWaiting(status: InboxStatus): boolean {
  return status === 'received' || status === 'failed';
}

function byPosition(a: { position: number }, b: { position: number }): number {
  return a.position - b.position;
}
