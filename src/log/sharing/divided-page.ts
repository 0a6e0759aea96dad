import type { LogEvent } from '../log-event.js';
import type { GroupReader } from '../log-reader.js';
import { bytesOf, type LogPage } from '../outbox-log.store.js';

/** Events with the same name and the same partition. A cursor that reads one of them reads all of them. */
interface Kind {
  readonly eventName: string;
  readonly partition: number | undefined;
  readonly events: LogEvent[];
}

/**
 * A page that was read for several cursors. Each cursor gets the events that it asks for, and only the
 * positions of the other events.
 */
export class DividedPage {
  /** Size of the payloads in bytes. */
  readonly bytes: number;
  private readonly kinds: readonly Kind[];

  constructor(
    private readonly page: LogPage,
    readers: readonly GroupReader[],
  ) {
    this.bytes = bytesOf(page.events);
    this.kinds = kindsOf(page);
    // An event that several cursors will take is parsed once.
    for (const { eventName, partition, events } of this.kinds) {
      const takers = readers.filter((reader) => reader.isFor(eventName, partition)).length;
      for (const event of events) event.share(takers);
    }
  }

  get cut(): boolean {
    return this.page.cut;
  }

  /**
   * Whether the page would be the same at any later time. That is so when the log goes on after it, and no
   * event in it has a remaining delay.
   */
  get isHistory(): boolean {
    return this.cut && this.page.events.every(({ delayMs }) => delayMs === undefined);
  }

  /**
   * Whether the page has what the cursor asks for. The cursor asks from the start of the page or from a later
   * position.
   */
  reaches({ readsTail, askedFrom }: GroupReader): boolean {
    return !readsTail || !this.cut || this.last >= askedFrom;
  }

  /** The highest position, or 0 when there is none. */
  get last(): number {
    return this.page.positions.last ?? 0;
  }

  /** The part of the page from the position from which the cursor asks. */
  partFor(reader: GroupReader): LogPage {
    const askedFrom = reader.readsTail ? reader.askedFrom : 0;
    const wanted = this.kinds.filter(({ eventName, partition }) => reader.isFor(eventName, partition));
    const events = inOrder(wanted).filter(({ position }) => position >= askedFrom);
    return { positions: this.page.positions.atOrAbove(askedFrom), events, cut: this.page.cut };
  }
}

function kindsOf({ events, partitions }: LogPage): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const [i, event] of events.entries()) {
    const { eventName } = event;
    const partition = partitions?.[i];
    const key = partition === undefined ? eventName : `${partition} ${eventName}`;
    let kind = kinds.get(key);
    if (kind === undefined) {
      kind = { eventName, partition, events: [] };
      kinds.set(key, kind);
    }
    kind.events.push(event);
  }
  return [...kinds.values()];
}

function inOrder(kinds: readonly Kind[]): readonly LogEvent[] {
  const [first, ...others] = kinds;
  if (first === undefined || others.length === 0) return first?.events ?? [];
  return kinds.flatMap(({ events }) => events).sort((a, b) => a.position - b.position);
}
