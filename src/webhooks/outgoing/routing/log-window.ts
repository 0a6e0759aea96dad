import type { EngineSession } from '../../../database/sql/engine-session.js';
import { PostponeError } from '../../../errors.js';
import type { EventGate } from '../../../events/event-gate.js';
import type { LogEvent } from '../../../log/log-event.js';
import type { OutboxLogStore } from '../../../log/outbox-log.store.js';
import { PositionSet } from '../../../log/position-set.js';
import type { PublicEvents } from '../public/public-events.js';
import type { TextEvent } from '../public/rendered-event.js';
import type { CatchUpStore } from './catch-up.store.js';

/** How many bytes of events one window has at most. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** The part of the log that is looked at. */
export interface LogWindow {
  readonly events: readonly TextEvent[];
  /** The position behind it. */
  readonly next: number;
  /** The event at `next` if only another release can route it. */
  readonly unknown: LogEvent | undefined;
}

export interface WindowParts {
  readonly events: () => PublicEvents;
  readonly log: OutboxLogStore;
  readonly gate: EventGate;
}

/** Reads public events out of the log, as handlers would get them, for one destination. */
export class LogWindows {
  constructor(
    private readonly parts: WindowParts,
    private readonly store: CatchUpStore,
  ) {}

  /** The events of these types from one position to another one, at most this number of positions. */
  async read(
    session: EngineSession,
    eventTypes: readonly string[],
    { from, end, rows }: { readonly from: number; readonly end: number; readonly rows: number },
  ): Promise<LogWindow> {
    const events = this.parts.events();
    const others = await this.store.otherPublicNames(
      session,
      events.all().map(({ contract }) => contract.name),
    );
    const eventNames = [...events.namesFor(eventTypes), ...others];
    const filter = { eventNames, partitions: 1, chosen: [0] };
    const page = await this.parts.log.readPage(PositionSet.range(from, end + 1), rows, WINDOW_BYTES, filter);
    const [, behind] = [...page.positions.ranges()].at(-1) ?? [];
    return this.knownOf(page.events, page.cut ? (behind ?? end + 1) : end + 1, new Set(others));
  }

  /** The events before the first one that only another release can route. */
  private knownOf(logEvents: readonly LogEvent[], next: number, others: ReadonlySet<string>): LogWindow {
    const events: TextEvent[] = [];
    for (const each of logEvents) {
      // It is not due yet, so the router has it yet to come.
      if (each.delayMs !== undefined) continue;
      const event = others.has(each.eventName) ? undefined : this.delivered(each);
      if (event === undefined) return { events, next: each.position, unknown: each };
      events.push(event);
    }
    return { events, next, unknown: undefined };
  }

  /** Undefined if its version is newer than this process. */
  private delivered(log: LogEvent): TextEvent | undefined {
    const event = textEventOf(log);
    const { delivering } = this.parts.gate;
    try {
      return (delivering?.(event, true) ?? event) as TextEvent;
    } catch (error) {
      return error instanceof PostponeError ? undefined : withFailingPayload(event, error);
    }
  }
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

/**
 * An event whose payload cannot be brought to the newest version. Whoever reads the payload gets the error.
 */
function withFailingPayload(event: TextEvent, error: unknown): TextEvent {
  return Object.defineProperty({ ...event }, 'payload', {
    enumerable: false,
    get(): string {
      throw error;
    },
  });
}
