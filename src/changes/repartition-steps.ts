/*
 * Changes a consumer's number of partitions while the consumer runs.
 *
 * Two things must hold. An aggregate changes its partition only when none of its events is running. Its new
 * partition knows what the old one has settled. Below the highest tail, each partition knows by positions
 * what is settled. Only the rows of the log tell which position belongs to which partition. So the change has
 * four steps. Each step is one transaction that holds all cursor rows of the consumer. The first process that
 * looks takes the step: an owner with its beat, or the process that asked. Each step can be repeated after a
 * crash.
 *
 * 1. asked: Note `repartition_to` and hold the cursors back. Nobody claims them, and owners hand over
 *    cleanly: they finish, save and release. A lease that runs out is as good, because its token is void from
 *    step 3 on.
 * 2. cut-over: Wait until nobody holds a lease. If the partitions differ by few events, step 3 follows at
 *    once. Otherwise the highest tail becomes the cut-over position C, and the cursors are free again, but a
 *    claim gets only what is below C. The partitions that are behind work it off, and the others wait. When
 *    they differ by few events, the cursors are held back again.
 * 3. change: Nobody holds a lease. For the new partition j, a position is unread in two cases: it is unread
 *    in all old partitions, or its event belongs to j and is unread in the partition that it belonged to. The
 *    old cursor rows are deleted. The new ones stay held back.
 * 4. moving: Rows of the inbox that may come back move with their aggregates. This keeps the order, because
 *    the new owner finds them unresolved. Each transaction moves one portion, because there may be millions
 *    of rows. The last one frees the cursors.
 *
 * Between step 3 and the end of step 4, nobody claims a cursor. So it does not matter that rows stand in two
 * numberings meanwhile. A request for another number during that time must wait for the end, because its own
 * step 2 would free the cursors. A process that finds step 4 unfinished has no memory of it. It begins with
 * step 3, which changes nothing the second time.
 *
 * A position that some old partitions have settled and that has no row in the log will never have one.
 * Whoever settled it either saw the row, and retention has deleted it since, or proved that it was never
 * committed. If the new number is a multiple of the old one, each new partition lies within one old partition
 * and takes over its `unread` unchanged.
 */

import { Injectable } from '@nestjs/common';
import { AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { CommandTarget } from '../database/sql/pasteable-text.js';
import { consumerTarget } from './chosen/audit-targets.js';
import { RepartitionCursors, type StoredPartition } from './repartition-cursors.store.js';
import { RepartitionRows, ROUND_BEGINS, type RoundOverRows } from './repartition-rows.store.js';

/**
 * The largest number of events by which the partitions may differ at the change, because each may become a
 * piece of `unread`.
 */
const FEW_EVENTS = 2_000;

/**
 * `handing over` means that somebody still holds a lease. `catching up` means that partitions that are behind
 * work up to the cut-over position. `moving` means that the consumer's failed and waiting events move to
 * their new partitions.
 */
export type RepartitionState = 'unknown' | 'done' | 'handing over' | 'catching up' | 'moving';

/** The result of one step. */
export interface RepartitionStep {
  readonly state: RepartitionState;
  /** The new number of partitions, if this step changed it. */
  readonly changedTo?: number;
}

/** A change whose cursors are done and whose rows are not. */
interface Moving {
  readonly askedAt: string;
  readonly round: RoundOverRows;
}

@Injectable()
export class RepartitionSteps {
  private readonly cursors: RepartitionCursors;
  private readonly rows: RepartitionRows;
  private readonly audit: AuditStore;
  /** Whose consumers these are, for messages that name a command. */
  readonly target: CommandTarget;
  /** The moves that this process has begun, by consumer. */
  private readonly moving = new Map<string, Moving>();

  constructor(private readonly db: EngineDatabase) {
    this.target = db;
    this.cursors = new RepartitionCursors(db.tables);
    this.rows = new RepartitionRows(db.schema);
    this.audit = new AuditStore(db);
  }

  /** Does step 1. A request for the stored number cancels the request before it. */
  async requestChange(consumerName: string, partitions: number, author: Author): Promise<RepartitionState> {
    for (;;) {
      const state = await this.askUnlessMoving(consumerName, partitions, author);
      if (state !== 'moving') return state;
      await this.advance(consumerName);
    }
  }

  private askUnlessMoving(
    consumerName: string,
    partitions: number,
    author: Author,
  ): Promise<RepartitionState> {
    return this.db.transaction(async (session) => {
      const stored = await this.cursors.lockPartitions(session, consumerName);
      const [first] = stored;
      if (first === undefined) return 'unknown';
      if (first.partitions !== partitions && isMoving(stored)) return 'moving';
      if (first.partitions === partitions && first.repartitionTo === null) return 'done';
      await this.cursors.noteRequest(session, consumerName, partitions);
      // Who asks for the same again only looks how far it is.
      if (first.repartitionTo !== partitions)
        await this.audit.add(session, author, {
          action: 'consumers.repartition',
          target: consumerTarget(consumerName),
          before: { partitions: first.partitions, repartitioningTo: first.repartitionTo },
          after: { partitions },
        });
      return 'handing over';
    });
  }

  /** Takes the next step, if it can be taken now. */
  advance(consumerName: string): Promise<RepartitionStep> {
    return this.db.transaction(async (session) => {
      const stored = await this.cursors.lockPartitions(session, consumerName);
      const [first] = stored;
      if (first === undefined) return { state: 'unknown' };
      if (first.repartitionTo === null) return { state: 'done' };
      const leased = stored.some((each) => each.leased);
      const { partitions: from, repartitionTo: to } = first;
      const { askedAt } = first;
      const moving = isMoving(stored) ? this.moving.get(consumerName) : undefined;
      // What was begun for an earlier request says nothing about this one.
      if (moving?.askedAt === askedAt) return this.move(session, consumerName, to, moving);
      const differ = to % from !== 0 && (await this.cursors.differByMore(session, consumerName, FEW_EVENTS));
      if (differ && first.cutOver !== null) {
        if (first.heldBack) await this.cursors.hold(session, consumerName, false);
        return { state: 'catching up' };
      }
      if (leased) {
        if (!first.heldBack) await this.cursors.hold(session, consumerName, true);
        return { state: 'handing over' };
      }
      if (differ) {
        await this.cursors.cutOver(session, consumerName);
        return { state: 'catching up' };
      }
      await this.cursors.change(session, consumerName, from, to);
      return this.move(session, consumerName, to, { askedAt, round: ROUND_BEGINS });
    });
  }

  /** Does one portion of step 4. */
  private async move(
    session: EngineSession,
    consumerName: string,
    to: number,
    { askedAt, round }: Moving,
  ): Promise<RepartitionStep> {
    const next = await this.rows.move(session, consumerName, to, round);
    if (next === undefined) {
      this.moving.delete(consumerName);
      await this.cursors.free(session, consumerName);
      return { state: 'done', changedTo: to };
    }
    // If the transaction does not commit, the noted round is too far ahead. That does no harm, because rounds
    // follow until one of them moves nothing.
    this.moving.set(consumerName, { askedAt, round: next });
    return { state: 'moving' };
  }
}

/**
 * Whether step 3 is done and step 4 is not. It is also true if the stored number was asked for and nobody has
 * a lease.
 */
function isMoving(stored: readonly StoredPartition[]): boolean {
  return stored.every(
    ({ partitions, repartitionTo, heldBack, hasToken }) =>
      partitions === repartitionTo && heldBack && !hasToken,
  );
}
