import { InboxAdminStore } from '../../src/changes/chosen/inbox-admin.store.js';
import { DiscardOneStore } from '../../src/changes/discard-one.store.js';
import type { TransactionalSqlClient } from '../../src/database/clients/sql-client.js';
import type { EngineDatabase } from '../../src/database/engine-database.js';
import { ASK_TRANSACTION_START } from '../../src/database/sql/transaction-start.store.js';
import type { AggregateKey } from '../../src/events/aggregate-key.js';
import { type ClaimedCursor, InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import { type Claimed, InboxEventStore } from '../../src/inbox/inbox-event.store.js';
import type { InboxStatus } from '../../src/inbox/inbox-status.js';
import { type Settlement, type SettlementResult, SettlementStore } from '../../src/inbox/settlement.store.js';
import { type LogPage, OutboxLogStore } from '../../src/log/outbox-log.store.js';
import { PositionSet } from '../../src/log/position-set.js';
import { KEY, type SimulatedRow } from './simulated-inbox.js';

const OWNERS = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'] as const;
const LEASE_MS = 3_600_000;
const AUTHOR = { actor: 'test', via: 'service', reason: 'no use', idempotencyKey: null } as const;
const EVERYTHING = { eventNames: ['*'], partitions: 1, chosen: [0] };

/** The id that the event at a position has in the real log, and the one that it has in the simulated one. */
export const realEventId = (position: number): string =>
  `00000000-0000-4000-8000-${position.toString(16).padStart(12, '0')}`;

/** What a cursor and its rows hold, in a form that the simulation has as well. Times are milliseconds from now. */
export interface Holdings {
  readonly unread: string;
  readonly readUpto: number | null;
  readonly suspectsBelow: number | null;
  readonly unclean: number;
  readonly changedByOthers: number;
  readonly rows: readonly Omit<SimulatedRow, 'id'>[];
}

/** What the simulated inbox simulates: the stores on a database, with the same calls. */
export class RealInbox {
  private readonly log: OutboxLogStore;
  private readonly cursors: InboxCursorStore;
  private readonly inbox: InboxEventStore;
  private readonly settlements: SettlementStore;
  private readonly admin: InboxAdminStore;
  private readonly single: DiscardOneStore;
  private owner: string = OWNERS[0];

  private constructor(
    private readonly db: EngineDatabase,
    private readonly client: TransactionalSqlClient,
  ) {
    this.log = new OutboxLogStore(db);
    this.cursors = new InboxCursorStore(db);
    this.inbox = new InboxEventStore(db);
    this.settlements = new SettlementStore(db);
    this.admin = new InboxAdminStore(db);
    this.single = new DiscardOneStore(db);
  }

  /** On an empty log, with a cursor that its owner has had before. */
  static async open(db: EngineDatabase, client: TransactionalSqlClient): Promise<RealInbox> {
    await db.query(
      'TRUNCATE integration.outbox_event, integration.inbox_cursor, integration.inbox_event RESTART IDENTITY',
    );
    await db.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ($1, '{*}', '{[1,)}')`,
      [KEY.consumerName],
    );
    const real = new RealInbox(db, client);
    await real.cursors.claim([KEY], real.owner, LEASE_MS, []);
    return real;
  }

  async publish(position: number, aggregateId: string, delayMs?: number): Promise<void> {
    await this.db.query(
      `INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, available_at)
       VALUES ($1, 'thing.changed', 'test', 'thing', $2, clock_timestamp() + $3::float8 * interval '1 ms')`,
      [realEventId(position), aggregateId, delayMs ?? null],
    );
  }

  async claimCursor(isUnclean: boolean): Promise<ClaimedCursor> {
    const former = this.owner;
    if (isUnclean) this.owner = former === OWNERS[0] ? OWNERS[1] : OWNERS[0];
    const [cursor] = await this.cursors.claim([KEY], this.owner, LEASE_MS, isUnclean ? [former] : []);
    if (cursor === undefined) throw new Error('the cursor was not claimed');
    return cursor;
  }

  readPage(wanted: PositionSet, rows: number): Promise<LogPage> {
    return this.log.readPage(wanted, rows, 1_000_000, EVERYTHING);
  }

  async readByPosition(positions: readonly number[]): Promise<number[]> {
    return [...(await this.log.readByPosition(positions)).keys()];
  }

  settle(token: string, settlement: Settlement): Promise<SettlementResult> {
    return this.settlements.settle(KEY, token, settlement);
  }

  settlePositions(token: string, positions: string, readUpto: number): Promise<boolean> {
    return this.settlements.settlePositions(KEY, token, positions, readUpto);
  }

  settleCovered(token: string, positions: string, covered: readonly string[]): Promise<boolean> {
    return this.settlements.settleCovered(KEY, token, positions, covered);
  }

  saveReadUpto(token: string, upto: number): Promise<boolean> {
    return this.cursors.saveReadUpto(KEY, token, upto);
  }

  saveSuspectsBelow(token: string, below: number): Promise<boolean> {
    return this.cursors.saveSuspectsBelow(KEY, token, below);
  }

  forgetUncleanTakeovers(token: string, below: number): Promise<boolean> {
    return this.cursors.forgetUncleanTakeovers(KEY, token, below);
  }

  moveToInbox(token: string, event: { position: number } & AggregateKey) {
    return this.cursors.moveToInbox(KEY, token, { ...event, outboxEventId: realEventId(event.position) });
  }

  claimDue(...args: Parameters<InboxEventStore['claimDue']>): Promise<Claimed> {
    return this.inbox.claimDue(...args);
  }

  interruptLeftovers(token: string, mine: readonly string[], blameless: boolean): Promise<number> {
    return this.inbox.interruptLeftovers(KEY, token, mine, blameless);
  }

  countForeignProcessing(mine: readonly string[]): Promise<number> {
    return this.inbox.countForeignProcessing(KEY, mine);
  }

  hasSuspects(): Promise<boolean> {
    return this.inbox.hasSuspects(KEY);
  }

  unresolvedAggregates(): Promise<(AggregateKey & { readonly highest: number })[]> {
    return this.inbox.unresolvedAggregates(KEY);
  }

  async dueInMs(): Promise<number | null> {
    const due = await this.inbox.nextDueInMs(KEY);
    return due === undefined ? null : Math.max(0, due);
  }

  async redrive(position: number): Promise<boolean> {
    const filter = { consumerName: KEY.consumerName, outboxEventId: realEventId(position) };
    return this.admin.redriveOne(filter, AUTHOR);
  }

  async discard(position: number): Promise<boolean> {
    const filter = { consumerName: KEY.consumerName, outboxEventId: realEventId(position) };
    const states = ['dead_letter', 'failed', 'waiting', 'delayed'] as const;
    return (await this.single.discard(filter, states, AUTHOR)) === 1;
  }

  /** The statements of a handler's transaction about its event. */
  commitHandler(
    position: number,
    aggregateId: string,
    claim: { readonly inboxEventId: string; readonly attempt: number } | undefined,
  ): Promise<boolean | InboxStatus> {
    const event = { outboxEventId: realEventId(position), position, aggregateType: 'thing', aggregateId };
    return this.client.$transaction(async (tx) => {
      const isDone =
        claim === undefined
          ? (await this.inbox.insertRow(tx, KEY, event, 10_000)).inserted
          : await this.inbox.completeClaimed(tx, claim.inboxEventId, claim.attempt);
      return isDone || ((await this.inbox.rowStatusOf(tx, KEY, event))?.status ?? false);
    });
  }

  /** Those of a batch's transaction. */
  commitBatch(token: string, positions: readonly number[]): Promise<boolean[]> {
    return this.client.$transaction(async (tx) => {
      const unread = await this.cursors.unreadOf(tx, KEY, token, PositionSet.of(positions).toString());
      const [start] = await tx.$queryRawUnsafe<{ start: string }[]>(ASK_TRANSACTION_START);
      const pending = PositionSet.parse(unread ?? '{}');
      if (!pending.isEmpty)
        await this.cursors.settleInTransaction(tx, KEY, token, pending.toString(), start?.start ?? '');
      return positions.map((position) => pending.has(position));
    });
  }

  async idsByPosition(): Promise<Map<number, string>> {
    const rows = await this.db.query<{ id: string; position: number }>(
      'SELECT id, position FROM integration.inbox_event',
    );
    return new Map(rows.map(({ id, position }) => [position, id]));
  }

  async holdings(): Promise<Holdings> {
    const [cursor] = await this.db.query<Omit<Holdings, 'rows'>>(
      `SELECT unread::text, read_upto AS "readUpto", suspects_below AS "suspectsBelow", unclean_takeovers AS unclean, changed_by_others AS "changedByOthers"
       FROM integration.inbox_cursor`,
    );
    const rows = await this.db.query<
      Omit<SimulatedRow, 'id' | 'availableAt'> & { availableAt: number | null }
    >(
      `SELECT position, aggregate_id AS "aggregateId", status, attempt_count AS attempt, suspicion,
              postponed_since IS NOT NULL AS "isPostponed",
         CASE WHEN isfinite(available_at) THEN extract(epoch FROM available_at - clock_timestamp())::float8 * 1000
              WHEN available_at > now() THEN 'Infinity' WHEN available_at < now() THEN '-Infinity' END AS "availableAt"
       FROM integration.inbox_event ORDER BY position`,
    );
    if (cursor === undefined) throw new Error('the cursor is gone');
    return {
      ...cursor,
      rows: rows.map((row) => ({
        ...row,
        availableAt: row.availableAt ?? undefined,
        suspicion: row.suspicion ?? undefined,
        isPostponed: row.isPostponed,
      })),
    };
  }

  /** Makes these rows due so many milliseconds from now, exactly: what the test's clock says is true here as well. */
  async setClock(dueInMs: ReadonlyMap<number, number>): Promise<void> {
    if (dueInMs.size === 0) return;
    await this.db.query(
      `UPDATE integration.inbox_event i SET available_at = statement_timestamp() + x.ms * interval '1 ms'
       FROM unnest($1::bigint[], $2::float8[]) AS x (position, ms) WHERE i.position = x.position`,
      [[...dueInMs.keys()], [...dueInMs.values()]],
    );
  }
}
