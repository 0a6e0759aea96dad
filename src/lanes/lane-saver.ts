import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { Lease } from '../membership/leases/lease.js';
import type { LeaseStore } from '../membership/leases/lease.store.js';
import type { LaneRoundStore, LockedTarget, SettledTarget } from './lane-round.store.js';
import type { Ended, LaneItem, LaneWork, Outcome, TargetChange } from './lane-work.js';
import { afterRuns } from './target-state.js';

/** Something to save of one target: an item that has ended, or nothing but when its next item is due. */
export interface ToSave<Item extends LaneItem> {
  readonly target: string;
  readonly lease: Lease;
  readonly ended: Ended<Item> | undefined;
}

export interface Saved<Item extends LaneItem> {
  readonly ended: readonly Ended<Item>[];
  readonly changes: ReadonlyMap<string, TargetChange>;
  /** Somebody held the targets of these. They are saved later. */
  readonly later: readonly ToSave<Item>[];
}

/*
 * One save, in this order:
 *
 * 1. The leases of the lanes are fenced. What ended under a lease that is lost is dropped, and nothing else.
 * 2. The targets are locked, in the order of ids.
 * 3. The kind saves its items and attempts. What an earlier save has saved, whose answer was lost, is left
 *    out, and does not count for the target a second time.
 * 4. What is due next is computed, in a statement of its own that begins after the locks were given.
 * 5. ready_at is set.
 *
 * The order of locks is: leases, destinations of the kind (by others only), targets, items. A router takes
 * the same order.
 */
export class LaneSaver<Item extends LaneItem> {
  constructor(
    private readonly db: EngineDatabase,
    private readonly leases: LeaseStore,
    private readonly store: LaneRoundStore,
    private readonly work: LaneWork<Item>,
    /** How long the transaction may be idle, in milliseconds. */
    private readonly idleMs: () => number,
  ) {}

  /** @param wait whether to wait for targets that somebody holds at this moment */
  save(all: readonly ToSave<Item>[], wait: boolean): Promise<Saved<Item>> {
    return this.db.transaction(async (session) => {
      const valid = await this.leases.fenceAll(session, leasesOf(all), this.idleMs());
      const ours = all.filter(({ lease }) => valid.get(lease.name) === lease.token);
      if (ours.length === 0) return { ended: [], changes: new Map(), later: [] };
      const ids = [...new Set(ours.map(({ target }) => target))].sort();
      const locked = await this.store.lock(session, this.work.kind, ids, wait);
      const later = await this.later(session, ours, ids, locked);
      if (locked.length === 0) return { ended: [], changes: new Map(), later };
      const { ended, changes } = await this.saveLocked(session, ours, locked);
      return { ended, changes, later };
    });
  }

  private async saveLocked(
    session: EngineSession,
    ours: readonly ToSave<Item>[],
    locked: readonly LockedTarget[],
  ) {
    const { kind } = this.work;
    const { probeAfterFailures } = this.work.limits();
    const have = new Set(locked.map(({ id }) => id));
    const all = ours.flatMap(({ target, ended }) => (ended !== undefined && have.has(target) ? [ended] : []));
    const saved = all.length === 0 ? [] : await this.work.save(session, all);
    const outcomes = new Map<string, Outcome[]>(locked.map(({ id }) => [id, []]));
    for (const { item, outcome } of saved) outcomes.get(item.target)?.push(outcome);
    const states = locked.map((before) => {
      const after = afterRuns(before, outcomes.get(before.id) ?? [], probeAfterFailures);
      return { id: before.id, before, after };
    });
    const changes = new Map<string, TargetChange>(
      states.map(({ id, before, after }) => [id, { before, after, at: before.now }]),
    );
    await this.work.tell?.(session, saved, changes);
    const next = await this.work.nextDue(session, [...changes.keys()]);
    const settled: SettledTarget[] = states.map(({ id, after }) => ({
      ...after,
      id,
      nextDue: next.get(id) ?? null,
    }));
    await this.store.settle(session, kind, settled);
    // What an earlier save had saved is told of now, because its answer never came.
    return { ended: all, changes };
  }

  /** Targets that somebody holds. One that is gone is not among them: what ended there is dropped. */
  private async later(
    session: EngineSession,
    ours: readonly ToSave<Item>[],
    ids: readonly string[],
    locked: readonly LockedTarget[],
  ): Promise<ToSave<Item>[]> {
    const have = new Set(locked.map(({ id }) => id));
    const lacking = ids.filter((id) => !have.has(id));
    if (lacking.length === 0) return [];
    const there = await this.store.existing(session, this.work.kind, lacking);
    return ours.filter(({ target }) => there.has(target));
  }
}

function leasesOf(all: readonly ToSave<LaneItem>[]): Lease[] {
  return [...new Set(all.map(({ lease }) => lease))];
}
