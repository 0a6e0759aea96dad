import type { AggregateKey } from '../../events/aggregate-key.js';
import type { Named } from './queue-table.js';

/** What a queue uses of an event. */
interface Queued {
  readonly position: number;
  /** Undefined for an event that comes from the log. */
  readonly claim: object | undefined;
}

/** The state of a queue whose events run in their order. */
interface Open {
  readonly kind: 'open';
}

/**
 * The state of a queue while the inbox has an unresolved row of the aggregate, or while an unsaved outcome
 * will write one.
 */
export interface Blocked<Event extends Queued = Queued> {
  readonly kind: 'blocked';
  /** The highest position that has, or will have, an unresolved row in the inbox. */
  highestRow: number;
  /** Events that came from the log while the queue was blocked. The next save writes them down as waiting. */
  parked: Event[];
  /** Whether a row of this queue is in no save yet. A release in the same save would not see the row. */
  isRowUnsaved: boolean;
  /**
   * `wanted`: the next save gives the lowest waiting row its turn. `saving`: a save does so now, and tells
   * whether any unresolved row is left. `outdated`: a save does so now, but the queue has been blocked once
   * more since then, so its answer does not open the queue.
   */
  release: 'none' | 'wanted' | 'saving' | 'outdated';
}

export type Hold<Event extends Queued = Queued> = Open | Blocked<Event>;

/** These constants are shared by all queues. */
const NO_EVENTS: never[] = [];
const OPEN: Open = { kind: 'open' };

/**
 * The queue of one aggregate. It keeps no reference to an event beyond the event's turn, not even to the
 * event for which the queue was made. A blocked queue may live for a long time, and everything to which it
 * refers would stay in memory as long.
 */
export class AggregateQueue<Event extends Queued = Queued>
  implements AggregateKey, Named<AggregateQueue<Event>>
{
  hash = 0;
  next: AggregateQueue<Event> | undefined = undefined;

  /** How many of its events run. More than one event runs only if they are parts of one batch. */
  running = 0;
  /** How many of the running events came from the log. */
  runningFromLog = 0;
  /**
   * The events that run next, one after another. An empty list is replaced and never filled, because most
   * queues have only one event in their life.
   */
  entries: Event[] = NO_EVENTS;
  hold: Hold<Event> = OPEN;

  constructor(
    readonly name: string,
    readonly aggregateType: string,
    readonly aggregateId: string,
  ) {}

  /** Whether an event from the log has not ended yet, so that no row after it may be released. */
  get isAheadOfRows(): boolean {
    return this.runningFromLog > 0 || this.entries.some(cameFromLog);
  }

  get isIdle(): boolean {
    return this.running === 0 && this.entries.length === 0 && this.hold.kind === 'open';
  }

  /** Called when the next event of the queue starts to run. */
  begin(next: Event): void {
    this.entries.shift();
    this.running++;
    if (cameFromLog(next)) this.runningFromLog++;
  }

  /** Called when an event of the queue does not run any more. */
  finish(event: Event): void {
    this.running--;
    if (cameFromLog(event)) this.runningFromLog--;
  }

  /** Adds the event in the order of the log. */
  insert(event: Event): void {
    if (this.entries.length === 0) {
      this.entries = [event];
      return;
    }
    this.entries.push(event);
    this.entries.sort((a, b) => a.position - b.position);
  }

  /**
   * Blocks the queue, because there are, or will be, unresolved rows up to `highestRow`. Returns the events
   * that were next and must wait now.
   */
  block(highestRow: number): { readonly hold: Blocked<Event>; readonly fromLog: Event[] } {
    const hold = this.blocked(highestRow);
    const fromLog = this.entries.filter(cameFromLog);
    if (fromLog.length > 0) this.entries = this.entries.filter((event) => !cameFromLog(event));
    return { hold, fromLog };
  }

  /** Opens the queue, because no unresolved row is left. The parked events run next. */
  open(hold: Blocked<Event>): void {
    this.hold = OPEN;
    for (const event of hold.parked) this.insert(event);
  }

  private blocked(highestRow: number): Blocked<Event> {
    const { hold } = this;
    if (hold.kind === 'blocked') {
      hold.highestRow = Math.max(hold.highestRow, highestRow);
      if (hold.release === 'saving') hold.release = 'outdated';
      return hold;
    }
    const made: Blocked<Event> = {
      kind: 'blocked',
      highestRow,
      parked: [],
      isRowUnsaved: false,
      release: 'none',
    };
    this.hold = made;
    return made;
  }
}

function cameFromLog(event: Queued): boolean {
  return event.claim === undefined;
}
