/*
 * Changing a consumer's number of partitions while it runs.
 *
 * What must hold: an aggregate changes its partition only when nothing of it is under way, and its new
 * partition knows what the old one has settled. What is settled below the highest tail is known by positions,
 * partition by partition; which position belongs to which partition only the log's rows say. Hence the steps,
 * each of them one transaction that holds all cursor rows of the consumer, taken by whoever looks first (its
 * owners' beats, or the one who asked), and repeatable after a crash:
 *
 *   1. asked: `repartition_to` is noted and the cursors are held back: nobody claims them, owners hand over
 *      cleanly (they finish, save, release). A lease that runs out instead is as good: its token is void from
 *      step 3 on.
 *   2. cut-over: Once nobody holds a lease: where the partitions differ by few events, step 3 follows at
 *      once. Otherwise the highest tail becomes the cut-over position C and the cursors are free again, but a
 *      claim is given what lies below C only: the partitions that are behind work it off, the others wait.
 *      When they differ by few events, they are held back again.
 *   3. change: Nobody holds a lease. For the new partition j a position is unread if it is unread in all old
 *      partitions, or if its event belongs to j and is unread in the partition that it belonged to. Old
 *      cursor rows go; the new ones stay held back.
 *   4. moving: Rows of the inbox that may come back move with their aggregates: order is kept, as their new
 *      owner finds them unresolved. A portion of them in each transaction: there may be millions. The last
 *      one sets the cursors free.
 *
 * Nobody claims a cursor between step 3 and the end of step 4, so it does not matter that rows stand in two
 * numberings meanwhile. That is why another number that is asked for in that time has to wait for the end:
 * its own step 2 would set the cursors free. A process that finds step 4 under way has no memory of it and
 * begins with step 3, which changes nothing the second time.
 *
 * A position that some old partitions have settled and that has no row in the log never will have one:
 * whoever settled it saw the row (retention has deleted it since) or has proved that it was never committed.
 * If the new number is a multiple of the old one, every new partition lies within an old one and takes over
 * its `unread` as it is.
 */
import { Injectable } from '@nestjs/common';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';
import { RepartitionCursors, type StoredPartition } from './repartition-cursors.store.js';
import { RepartitionRows, ROUND_BEGINS, type RoundOverRows } from './repartition-rows.store.js';

/** By how many events the partitions may differ at the change: each may become a piece of `unread`. */
const FEW_EVENTS = 2_000;

/**
 * `handing over`: somebody still holds a lease; `catching up`: partitions that are behind work up to the
 * cut-over position; `moving`: the consumer's failed and waiting events are being moved to their new
 * partitions.
 */
export type RepartitionState = 'unknown' | 'done' | 'handing over' | 'catching up' | 'moving';

/** What taking a step has come to. */
export interface RepartitionStep {
  readonly state: RepartitionState;
  /** The new number, if it was this step that changed it. */
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
  /** By consumer, what this process has begun to move. */
  private readonly moving = new Map<string, Moving>();

  constructor(private readonly db: EngineDatabase) {
    this.cursors = new RepartitionCursors(db.tables);
    this.rows = new RepartitionRows(db.schema);
  }

  /** Step 1. Asking for the number that is stored calls back what was asked before. */
  async requestChange(consumerName: string, partitions: number): Promise<RepartitionState> {
    for (;;) {
      const state = await this.askUnlessMoving(consumerName, partitions);
      if (state !== 'moving') return state;
      await this.advance(consumerName);
    }
  }

  private askUnlessMoving(consumerName: string, partitions: number): Promise<RepartitionState> {
    return this.db.transaction(async (session) => {
      const stored = await this.cursors.lockPartitions(session, consumerName);
      const [first] = stored;
      if (first === undefined) return 'unknown';
      if (first.partitions !== partitions && isMoving(stored)) return 'moving';
      if (first.partitions === partitions && first.repartitionTo === null) return 'done';
      await this.cursors.noteRequest(session, consumerName, partitions);
      return 'handing over';
    });
  }

  /** The next step, if it can be taken now. */
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

  /** Step 4, one portion. */
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
    // A round that its transaction does not commit is as good as one that has gone too far: rounds follow
    // until one moves nothing.
    this.moving.set(consumerName, { askedAt, round: next });
    return { state: 'moving' };
  }
}

/** Step 3 is done and step 4 is not; or the stored number was asked for, and nobody has a lease. */
function isMoving(stored: readonly StoredPartition[]): boolean {
  return stored.every(
    ({ partitions, repartitionTo, heldBack, hasToken }) =>
      partitions === repartitionTo && heldBack && !hasToken,
  );
}
