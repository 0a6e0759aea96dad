import type { AggregateKey } from '../../events/aggregate-key.js';
import type { Named } from './queue-table.js';

/** What a queue needs to know of an event. */
interface Queued {
  readonly position: number;
  /** Undefined on the way from the log. */
  readonly claim: object | undefined;
}

/** One for all queues. */
const NO_EVENTS: never[] = [];

type Release = 'none' | 'wanted' | 'saving';

/**
 * It keeps no event beyond its turn, nor the one it was made for: one that is blocked may live for long, and
 * what it reaches with it.
 */
export class AggregateQueue<Event extends Queued = Queued>
  implements AggregateKey, Named<AggregateQueue<Event>>
{
  hash = 0;
  next: AggregateQueue<Event> | undefined = undefined;

  /** How many of its events run: more than one only as parts of one batch. */
  running = 0;
  /** How many of them came from the log. */
  runningFromLog = 0;
  /** Replaced where it is empty, never filled: most queues have one event in their life. */
  entries: Event[] = NO_EVENTS;
  /** Most queues never have one. */
  parked: Event[] | undefined;
  blocked = false;
  /** The highest position of which the inbox has, or will have, an unresolved row. */
  highestRow = 0;
  /** Counts what blocked the queue, so that a release that was under way meanwhile does not unblock it. */
  blocks = 0;
  blocksAtRelease = 0;
  release: Release = 'none';
  /** A row of this queue has not been put into a save yet: a release in the same save would not see it. */
  rowUnsaved = false;

  constructor(
    readonly name: string,
    readonly aggregateType: string,
    readonly aggregateId: string,
  ) {}

  /** An event from the log has not come to its end yet, and no row of it may be there. */
  get isAheadOfRows(): boolean {
    return this.runningFromLog > 0 || this.entries.some(cameFromLog);
  }

  get isIdle(): boolean {
    return (
      this.running === 0 &&
      this.entries.length === 0 &&
      this.parked === undefined &&
      !this.blocked &&
      this.release === 'none'
    );
  }

  /** Its next one runs. */
  begin(next: Event): void {
    this.entries.shift();
    this.running++;
    if (cameFromLog(next)) this.runningFromLog++;
  }

  /** One of its events does not run any more. */
  end(event: Event): void {
    this.running--;
    if (cameFromLog(event)) this.runningFromLog--;
  }

  /** Where its position says. */
  insert(event: Event): void {
    if (this.entries.length === 0) {
      this.entries = [event];
      return;
    }
    this.entries.push(event);
    this.entries.sort((a, b) => a.position - b.position);
  }
}

export function cameFromLog(event: Queued): boolean {
  return event.claim === undefined;
}
