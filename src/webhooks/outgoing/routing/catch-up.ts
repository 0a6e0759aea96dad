import { AuditStore } from '../../../audit/audit.store.js';
import { authorOf } from '../../../audit/change-author.js';
import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { PostponeError, messageOf as wordsOf } from '../../../errors.js';
import type { EventGate } from '../../../events/event-gate.js';
import type { LogEvent } from '../../../log/log-event.js';
import type { OutboxLogStore } from '../../../log/outbox-log.store.js';
import { PositionSet } from '../../../log/position-set.js';
import { EngineLogger } from '../../../words/engine-logger.js';
import { firstLine } from '../../../words/first-line.js';
import { FIRST_UUID } from '../../../words/text.js';
import { entityOf, type TextEvent } from '../public/rendered-event.js';
import { type BehindDestination, CatchUpStore, type LogBounds } from './catch-up.store.js';
import { type EventRules, isFor, leavingOf, messageOf } from './leaving-events.js';
import type { Pair, RoutingStore } from './routing.store.js';

/** How many positions one window reads at most, and how many bytes of events. */
const WINDOW_ROWS = 2_000;
const WINDOW_BYTES = 4 * 1024 * 1024;
/** How many destinations one round takes. */
const MOST_DESTINATIONS = 100;

export interface CatchUpParts extends EventRules {
  readonly db: EngineDatabase;
  readonly store: RoutingStore;
  readonly log: OutboxLogStore;
  readonly gate: EventGate;
}

/** `waiting`: only another release can go on, or there is nothing to do. */
export type WindowEnd = 'more' | 'done' | 'waiting';

/** The part of the log that a window has looked at. */
interface Window {
  readonly events: readonly TextEvent[];
  /** The position behind it. */
  readonly next: number;
  /** Whether its next event is one that only another release can route. */
  readonly isCut: boolean;
}

/*
 * Why each event comes to a destination that was off. Let p be the position of an event that it asks for.
 *
 *   - A router has skipped p. It held the row, and behind_from is p or less since its commit. So whoever set the
 *     destination on, who held the row as well, saw that. behind_from rises only here, past positions that a
 *     statement has read which began after the row was locked. The event of p was committed before its router
 *     read it, so that statement has it.
 *   - No router has read p yet. The router that will sees the destination on, and writes the row. If it sees it
 *     off again, this is the first case.
 *   - Both write it. The key of the row makes one of both.
 *
 * The end: a destination without an order is set on with the end of the log of that moment, and what was
 * skipped lies before it. A destination with an order is skipped until it has caught up to the end of the log.
 * The transaction that finds the end holds its row, so each router is before it and has skipped what this
 * reads, or is behind it and writes the row.
 */

/**
 * Catches up with what destinations have missed while they were off, window by window. Each window is a
 * transaction of its own, so a process that dies loses one window of work. Any process may work on any
 * destination, because a window holds its row.
 */
export class CatchUp {
  private readonly logger = new EngineLogger('OutgoingWebhooks');
  private readonly progress: CatchUpStore;

  constructor(private readonly parts: CatchUpParts) {
    this.progress = new CatchUpStore(parts.db);
  }

  /**
   * One window of each destination of these lanes that is behind, a hundred of them at most.
   *
   * @returns whether there is more to do at once
   */
  async round(lanes: readonly number[], signal?: AbortSignal): Promise<boolean> {
    const ids = await this.progress.behind(lanes, FIRST_UUID, MOST_DESTINATIONS);
    let isMore = false;
    for (const id of ids) {
      if (signal?.aborted === true) break;
      const end = await this.window(id).catch((error: unknown) => {
        this.logger.warnOfFailure(`The destination ${id} cannot catch up: ${firstLine(wordsOf(error))}`);
        return 'waiting' as const;
      });
      isMore ||= end === 'more';
    }
    return isMore;
  }

  /** One window of one destination. */
  async window(id: string): Promise<WindowEnd> {
    const { db } = this.parts;
    return db.transaction(async (session) => {
      const destination = await this.progress.take(session, id);
      if (destination === undefined) return 'waiting';
      const bounds = await this.progress.bounds(session);
      const from = Math.max(destination.behindFrom, bounds.first);
      if (from > destination.behindFrom) await this.sayDeleted(session, destination, bounds);
      const end = endOf(destination, bounds);
      const window = await this.read(session, destination, from, end);
      await this.write(session, destination, window.events);
      const isDone = window.next > end && !window.isCut;
      await this.progress.advance(session, destination, isDone ? undefined : window.next);
      if (isDone) return 'done';
      return window.isCut ? 'waiting' : 'more';
    });
  }

  private async read(
    session: EngineSession,
    destination: BehindDestination,
    from: number,
    end: number,
  ): Promise<Window> {
    const events = this.parts.events();
    const others = await this.progress.otherPublicNames(
      session,
      events.all().map(({ contract }) => contract.name),
    );
    const eventNames = [...events.namesFor(destination.eventTypes), ...others];
    const page = await this.parts.log.readPage(PositionSet.range(from, end + 1), WINDOW_ROWS, WINDOW_BYTES, {
      eventNames,
      partitions: 1,
      chosen: [0],
    });
    const last = [...page.positions.ranges()].at(-1);
    const next = page.cut && last !== undefined ? last[1] : end + 1;
    return this.knownOf(destination, page.events, next, new Set(others));
  }

  /** The events before the first one that only another release can route, as handlers would get them. */
  private knownOf(
    { id }: BehindDestination,
    logEvents: readonly LogEvent[],
    next: number,
    others: ReadonlySet<string>,
  ): Window {
    const events: TextEvent[] = [];
    for (const each of logEvents) {
      // The router has it yet to come.
      if (each.delayMs !== undefined) continue;
      const event = others.has(each.eventName) ? undefined : this.delivered(each);
      if (event !== undefined) events.push(event);
      else {
        this.logger.warnOfFailure(
          `The destination ${id} waits at position ${each.position} for a process with a newer release: ${each.eventName} is public there, or has a newer version.`,
        );
        return { events, next: each.position, isCut: true };
      }
    }
    return { events, next, isCut: false };
  }

  /** Undefined if its version is newer than this process. What an upcaster throws is thrown when it is rendered. */
  private delivered(log: LogEvent): TextEvent | undefined {
    const event = textEventOf(log);
    const { delivering } = this.parts.gate;
    try {
      return (delivering?.(event, true) ?? event) as TextEvent;
    } catch (error) {
      return error instanceof PostponeError ? undefined : failingEvent(event, error);
    }
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

function textEventOf(log: LogEvent): TextEvent {
  return {
    outboxEventId: log.id,
    eventName: log.eventName,
    eventVersion: log.eventVersion,
    sourceModule: log.sourceModule,
    aggregateType: log.aggregateType,
    aggregateId: log.aggregateId,
    payload: log.takePayloadText(),
    metadata: log.takeMetadata(),
    timestamp: log.takeTimestamp(),
    position: log.position,
  };
}

/** An event whose payload cannot be brought to the newest version: whoever reads the payload gets the error. */
function failingEvent(event: TextEvent, error: unknown): TextEvent {
  return Object.defineProperty({ ...event }, 'payload', {
    enumerable: false,
    get(): string {
      throw error;
    },
  });
}
