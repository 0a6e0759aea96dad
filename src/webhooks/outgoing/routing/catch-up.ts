import { AuditStore } from '../../../audit/audit.store.js';
import { authorOf } from '../../../audit/change-author.js';
import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { messageOf as wordsOf } from '../../../errors.js';
import type { LogEvent } from '../../../log/log-event.js';
import { EngineLogger } from '../../../words/engine-logger.js';
import { firstLine } from '../../../words/first-line.js';
import { FIRST_UUID } from '../../../words/text.js';
import { entityOf, type TextEvent } from '../public/rendered-event.js';
import {
  type BehindDestination,
  CatchUpStore,
  type LogBounds,
  type OwnedDestination,
} from './catch-up.store.js';
import { type EventRules, isFor, leavingOf, messageOf } from './leaving-events.js';
import { LogWindows, type WindowParts } from './log-window.js';
import type { Pair, RoutingStore } from './routing.store.js';

/** How many positions one window reads at most. */
const WINDOW_ROWS = 2_000;
/** How many destinations one round takes. */
const MOST_DESTINATIONS = 100;

export interface CatchUpParts extends EventRules, WindowParts {
  readonly db: EngineDatabase;
  readonly store: RoutingStore;
}

/** `waiting`: only another release can go on, or there is nothing to do. */
export type WindowEnd = 'more' | 'done' | 'waiting';

/*
 * Why each event comes to a destination that was off. Let p be the position of an event that it asks for.
 *
 *   - A router has skipped p. It held the row, and behind_from is p or less since its commit. So whoever set
 *     the destination on, who held the row as well, saw that. behind_from rises only here, past positions
 *     that a statement has read which began after the row was locked. The event of p was committed before its
 *     router read it, so that statement has it.
 *   - No router has read p yet. The router that will sees the destination on, and writes the row. If it sees
 *     it off again, this is the first case.
 *   - Both write it. The key of the row makes one of both.
 *
 * The end: a destination without an order is set on with the end of the log of that moment, and what was
 * skipped lies before it. A destination with an order is skipped until it has caught up to the end of the
 * log. The transaction that finds the end holds its row, so each router is before it and has skipped what
 * this reads, or is behind it and writes the row.
 */

/**
 * Catches up with what destinations have missed while they were off, window by window. Each window is a
 * transaction of its own, so a process that dies loses one window of work. Any process may work on any
 * destination, because a window holds its row.
 */
export class CatchUp {
  private readonly logger = new EngineLogger('OutgoingWebhooks');
  private readonly progress: CatchUpStore;
  private readonly windows: LogWindows;

  constructor(private readonly parts: CatchUpParts) {
    this.progress = new CatchUpStore(parts.db);
    this.windows = new LogWindows(parts, this.progress);
  }

  /**
   * One window of each destination of these lanes that is behind, a hundred of them at most.
   *
   * @returns whether there is more to do at once
   */
  async round(lanes: readonly number[], signal?: AbortSignal): Promise<boolean> {
    const behind = await this.progress.behind(lanes, FIRST_UUID, MOST_DESTINATIONS);
    let isMore = false;
    for (const destination of behind) {
      if (signal?.aborted === true) break;
      const end = await this.window(destination).catch((error: unknown) => {
        const reason = firstLine(wordsOf(error));
        this.logger.warnOfFailure(`The destination ${destination.id} cannot catch up: ${reason}`);
        return 'waiting' as const;
      });
      isMore ||= end === 'more';
    }
    return isMore;
  }

  /** One window of one destination. */
  async window(owned: OwnedDestination): Promise<WindowEnd> {
    const { db } = this.parts;
    return db.transaction(async (session) => {
      const destination = await this.progress.take(session, owned);
      if (destination === undefined) return 'waiting';
      const bounds = await this.progress.bounds(session);
      const from = Math.max(destination.behindFrom, bounds.first);
      if (from > destination.behindFrom) await this.sayDeleted(session, destination, bounds);
      const end = endOf(destination, bounds);
      const { events, next, unknown } = await this.windows.read(session, destination.eventTypes, {
        from,
        end,
        rows: WINDOW_ROWS,
      });
      await this.write(session, destination, events);
      const isDone = next > end && unknown === undefined;
      await this.progress.advance(session, destination, isDone ? undefined : next);
      if (unknown !== undefined) this.sayUnknown(destination, unknown);
      return isDone ? 'done' : unknown === undefined ? 'more' : 'waiting';
    });
  }

  private async write(
    session: EngineSession,
    destination: BehindDestination,
    events: readonly TextEvent[],
  ): Promise<void> {
    const { leaving, failed } = leavingOf(events, this.parts);
    for (const { event, error } of failed)
      this.logger.warnOfFailure(
        `tenantOf fails for event ${event.outboxEventId}: ${firstLine(wordsOf(error))}`,
      );
    const pairs: Pair[] = [];
    for (const each of leaving.filter((event) => isFor(event, destination))) {
      try {
        pairs.push({ destinationId: destination.id, message: messageOf(each, this.parts) });
      } catch (error) {
        const { event } = each;
        await this.progress.addDead(session, destination, event, entityOf(event), firstLine(wordsOf(error)));
      }
    }
    const { store } = this.parts;
    await store.write(session, destination.isFiltering ? await store.passing(session, pairs) : pairs);
  }

  private sayUnknown({ id }: BehindDestination, { position, eventName }: LogEvent): void {
    this.logger.warnOfFailure(
      `The destination ${id} waits at position ${position} for a process with another release: ${eventName} is public there, or has a newer version.`,
    );
  }

  private async sayDeleted(
    session: EngineSession,
    { id, behindFrom }: BehindDestination,
    { first }: LogBounds,
  ): Promise<void> {
    const positions = first - behindFrom;
    const reason = `The log keeps no events before position ${first} any more`;
    this.logger.warn(
      `The destination ${id} was off for too long: retention has deleted the events of ${positions} positions that it had not got. Those of them that it asks for are lost to it.`,
    );
    await new AuditStore(this.parts.db).add(session, authorOf({ reason }), {
      action: 'webhook-destinations.missed',
      target: `webhook-destination/${id}`,
      affected: positions,
      before: { behindFrom },
      after: { behindFrom: first },
    });
  }
}

/** The last position that is caught up with. */
function endOf({ order, catchUpTo }: BehindDestination, { head }: LogBounds): number {
  return order === 'none' && catchUpTo !== null ? catchUpTo : head;
}
