import type { CursorReader } from '../../inbox/cursor-reader.js';
import { PositionSet } from '../../log/position-set.js';
import type { Partition } from '../partition/partition.js';
import type { WorkerContext } from './worker-context.js';

/**
 * Removes events that an admin has discarded from the memory of a worker. Nothing about them is saved in any
 * case (discard-one.store.ts says why). But an event that ends again and again without a counted attempt
 * would go on doing so, and the rest of its aggregate would wait.
 *
 * Each event in memory without an outcome is unread, or it is a claimed row that is `processing`. If it is
 * neither any more, somebody else has settled it. An event can be in three places: still to be read, in hand,
 * or in a page that is being read. One check finds it in the first two places. The check is made at once,
 * because the page loop may be waiting because of this very event. It is made once more between two pages,
 * when the third place is empty.
 */
export class DiscardedEvents {
  constructor(
    private readonly context: WorkerContext,
    private readonly partition: Partition,
    private readonly reader: CursorReader,
    private changedByOthers: number,
  ) {}

  /**
   * Called when a heartbeat saw the cursor. Returns whether somebody has changed rows since the last
   * heartbeat.
   */
  seen(changedByOthers: number): boolean {
    if (changedByOthers === this.changedByOthers) return false;
    this.changedByOthers = changedByOthers;
    this.context.guarded('Looking for discarded events', () => this.look());
    return true;
  }

  async look(): Promise<void> {
    const { env, lease, isClosed } = this.context;
    if (isClosed) return;
    const { partition, reader } = this;
    const { positions, inclusions } = reader.wanted;
    positions.addAll(partition.workload.positions);
    const claims = partition.workload.openClaims;
    const settled = await env.stores.cursors.settledOf(lease.key, lease.token, positions.toString());
    const processing = new Set(claims.length === 0 ? [] : await env.stores.inbox.stillProcessing(claims));
    if (this.context.isClosed || settled === undefined) return;
    // A replay has put positions back in the meantime. Some of them may have been settled when the statement
    // read them.
    if (reader.wanted.inclusions !== inclusions) return this.look();
    const gone = PositionSet.parse(settled);
    const changed = new Set(claims.filter((id) => !processing.has(id)));
    reader.exclude(gone);
    if (gone.isEmpty && changed.size === 0) return;
    partition.settledElsewhere(({ claim, position }) =>
      claim === undefined ? gone.has(position) : changed.has(claim.inboxEventId),
    );
  }
}
