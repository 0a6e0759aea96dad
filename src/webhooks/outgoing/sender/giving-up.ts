import { AuditStore } from '../../../audit/audit.store.js';
import { authorOf } from '../../../audit/change-author.js';
import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import type { TargetChange } from '../../../lanes/lane-work.js';
import { OutgoingTargetStore } from '../../../lanes/outgoing-target.store.js';
import type { EventWriter } from './event-writer.js';
import { destinationDisabled } from './sender-events.js';
import type { DueDelivery, SendingStore, SentDestination } from './sending.store.js';

const HOUR_MS = 3_600_000;

/*
 * A destination is disabled by a transaction of its own, which follows the save that gave the reason.
 *
 * Everybody locks the destination before its target, as pausing and routing do. The save has locked targets
 * already, so it must not lock destinations. A process that dies between the two loses nothing: the
 * destination goes on failing, and the next save gives the same reason.
 */

/** Disables destinations that are gone, or that have failed for too long. */
export class GivingUp {
  private readonly targets: OutgoingTargetStore;

  constructor(
    private readonly db: EngineDatabase,
    private readonly store: SendingStore,
    private readonly events: EventWriter,
    /** Hours of failures alone. */
    private readonly disableAfterHours: () => number,
  ) {
    this.targets = new OutgoingTargetStore(db);
  }

  /** The receiver of a delivery has answered that it is gone. */
  gone({ target, tenantId, url }: DueDelivery, reason: string): Promise<void> {
    return this.disable({ id: target, tenantId, url }, reason);
  }

  async failedTooLong(changes: ReadonlyMap<string, TargetChange>): Promise<void> {
    const hours = this.disableAfterHours();
    const late = [...changes].filter(
      ([, { after, at }]) =>
        after.failingSince !== null && at.getTime() - after.failingSince.getTime() >= hours * HOUR_MS,
    );
    if (late.length === 0) return;
    const destinations = await this.store.destinations(
      this.db,
      late.map(([id]) => id),
    );
    for (const destination of destinations.values())
      await this.disable(destination, `Every delivery has failed for ${hours} hours`);
  }

  private async disable(destination: Omit<SentDestination, 'order'>, reason: string): Promise<void> {
    const isDisabled = await this.db.transaction(async (session) => {
      if (!(await this.store.disable(session, destination, reason))) return false;
      await this.targets.hold(session, 'webhook', destination.id);
      await this.note(session, destination, reason);
      return true;
    });
    if (isDisabled) this.events.committed([destinationDisabled]);
  }

  private async note(
    session: EngineSession,
    { id, tenantId }: Omit<SentDestination, 'order'>,
    reason: string,
  ): Promise<void> {
    const event = { name: destinationDisabled.name, destinationId: id, tenantId, payload: { reason } };
    await this.events.write(session, [event]);
    await new AuditStore(this.db).add(session, authorOf({ reason }), {
      action: 'webhook-destinations.disable',
      target: `webhook-destination/${id}`,
      affected: 1,
      before: { status: 'active' },
      after: { status: 'disabled', reason },
    });
  }
}
