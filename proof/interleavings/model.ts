import { ALWAYS, CONSUMERS, type ConsumerName, type EventName, wants } from './consumers.js';
import type { OpenRequest, Status } from './event-state.js';

/** An event that was committed. */
export interface Known {
  readonly id: string;
  readonly position: number;
  readonly aggregate: string;
  readonly name: EventName;
  readonly failures: number;
}

/** What must come of one event for one consumer. */
export interface Expected {
  readonly consumer: ConsumerName;
  readonly event: Known;
  /** How often it is to take effect, if it can: one number but where a filtered replay may have met another one. */
  readonly least: number;
  readonly most: number;
  /** As what it may end. */
  readonly ends: readonly Status[];
  /** It was asked for again: it has no place among the others any more. */
  readonly isOutOfOrder: boolean;
}

type Entry = { -readonly [Key in keyof Expected]: Expected[Key] };

/** A filtered replay: the settled events that it is to send and, as far as is known, has not sent. */
interface Request {
  readonly consumer: ConsumerName;
  unsent: readonly number[];
}

/**
 * What the commands of a sequence must lead to, whatever the timing.
 *
 * Each event takes effect once for each consumer that wants it, and once more whenever it was settled and somebody asked for it
 * again; once less whenever it was discarded on its way. A filtered replay is worked off some time after it was asked for, and passes
 * over what is on its way at that moment. So where an event is asked for while a request for it is open, the two may come to one
 * delivery: that is what `least` and `most` are for.
 */
export class Model {
  /** Positions of events that retention may delete as far as their age goes. */
  readonly old = new Set<number>();
  /** Events that retention was seen to delete. */
  readonly gone = new Set<number>();
  readonly partitions = new Map<ConsumerName, number>(CONSUMERS.map((consumer) => [consumer, 1]));
  /** Ends of processes so far: a plain handler may run once more for each. */
  crashes = 0;
  private readonly entries = new Map<string, Entry>();
  private readonly requests = new Map<string, Request>();

  /** By consumer, then position. */
  get expected(): Expected[] {
    const order = ({ consumer, event }: Expected) => CONSUMERS.indexOf(consumer) * 1e9 + event.position;
    return [...this.entries.values()].sort((a, b) => order(a) - order(b));
  }

  of(consumer: ConsumerName, position: number): Expected | undefined {
    return this.entries.get(`${consumer} ${position}`);
  }

  committed(events: readonly Known[]): void {
    for (const event of events) {
      for (const consumer of CONSUMERS.filter((name) => wants(name, event.name))) {
        const ends = naturalEnd(event);
        const entry = { consumer, event, least: 1, most: 1, ends, isOutOfOrder: false };
        this.entries.set(`${consumer} ${event.position}`, entry);
      }
    }
  }

  /** What has been sent of filtered replays, before anything else is asked for. */
  saw(open: readonly OpenRequest[]): void {
    const next = new Map(open.map((request) => [request.id, request.next]));
    for (const [id, request] of this.requests) {
      const from = next.get(id) ?? Number.POSITIVE_INFINITY;
      request.unsent = request.unsent.filter((position) => position >= from);
    }
  }

  /** Settled events are unread again. */
  putBack(consumer: ConsumerName, positions: readonly number[]): void {
    for (const position of positions) this.askedAgain(consumer, position);
  }

  /** Settled events will be sent again by a request. */
  requested(id: string, consumer: ConsumerName, positions: readonly number[]): void {
    for (const position of positions) this.askedAgain(consumer, position);
    this.requests.set(id, { consumer, unsent: positions });
  }

  redriven(consumer: ConsumerName, positions: readonly number[]): void {
    for (const position of positions) {
      const entry = this.entry(consumer, position);
      entry.ends = naturalEnd(entry.event);
      entry.isOutOfOrder = true;
    }
  }

  /** Events with a row that waited for something, or was dead, are set aside. */
  discarded(consumer: ConsumerName, position: number, wasDead: boolean): void {
    const entry = this.entry(consumer, position);
    if (!wasDead) {
      entry.least--;
      entry.most--;
    }
    entry.ends = this.isToBeSent(consumer, position) ? ['skipped', ...naturalEnd(entry.event)] : ['skipped'];
  }

  isToBeSent(consumer: ConsumerName, position: number): boolean {
    return [...this.requests.values()].some(
      (request) => request.consumer === consumer && request.unsent.includes(position),
    );
  }

  private askedAgain(consumer: ConsumerName, position: number): void {
    const entry = this.entry(consumer, position);
    if (!this.isToBeSent(consumer, position)) entry.least++;
    entry.most++;
    entry.ends = naturalEnd(entry.event);
    entry.isOutOfOrder = true;
  }

  private entry(consumer: ConsumerName, position: number): Entry {
    const entry = this.entries.get(`${consumer} ${position}`);
    if (entry === undefined) throw new Error(`the model knows of no ${position} for ${consumer}`);
    return entry;
  }
}

function naturalEnd({ failures }: Known): readonly Status[] {
  return failures >= ALWAYS ? ['dead_letter'] : ['processed'];
}
