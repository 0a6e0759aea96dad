import type { WireRow } from '../database/wire/wire-row.js';
import { LogEvent } from './log-event.js';
import { PositionSet } from './position-set.js';

/** Approximate size in bytes of an event without its payload and metadata. */
const ENVELOPE_BYTES = 256;

/**
 * The binary form of metadata that begins a correlation of its own starts with this text. Its first byte is
 * the version of the jsonb format.
 */
const OWN_CORRELATION = '\u0001{"correlationId": "';

/** The index of each of these columns in a row of a page. */
const POSITION = 0;
const BYTES = 1;
const DELAY = 2;
const ID = 3;
const PAYLOAD = 9;
const METADATA = 10;
const PARTITION = 12;

/** The rows of a page up to a limit of bytes. It holds at least one row if there is any. */
export class PageRows {
  readonly positions = PositionSet.empty();
  readonly events: LogEvent[] = [];
  /** The events whose payload was left out, by position. */
  readonly large = new Map<number, LogEvent>();
  readonly partitions: number[] | undefined;
  /** Number of rows found, including those beyond the limit of bytes. */
  found = 0;
  private total = 0;

  constructor(
    private readonly bytes: number,
    isOfSeveral: boolean,
  ) {
    if (isOfSeveral) this.partitions = [];
  }

  takeRow(row: WireRow): void {
    this.found++;
    if (this.total > this.bytes) return;
    if (row.isNull(ID)) {
      this.positions.appendRange(row.int8(POSITION));
      return;
    }
    this.total += row.int4(BYTES) + row.lengthOf(METADATA) + ENVELOPE_BYTES;
    if (this.total > this.bytes && !this.positions.isEmpty) return;
    const event = toLogEvent(row);
    this.positions.appendRange(event.position);
    this.events.push(event);
    this.partitions?.push(row.int4(PARTITION));
    if (row.isNull(PAYLOAD)) this.large.set(event.position, event);
  }
}

/**
 * A column that has the same text in many rows in a row. All of them share one string, so its hash is
 * computed once.
 */
class RepeatedText {
  private last = '';

  constructor(private readonly column: number) {}

  textIn(row: WireRow): string {
    if (!row.holdsText(this.column, this.last)) this.last = row.text(this.column);
    return this.last;
  }
}

const eventName = new RepeatedText(4);
const sourceModule = new RepeatedText(6);
const aggregateType = new RepeatedText(7);

/** Makes an event of a row that has the columns of a page. */
export function toLogEvent(row: WireRow): LogEvent {
  return new LogEvent({
    position: row.int8(POSITION),
    bytes: row.int4(BYTES),
    delayMs: row.isNull(DELAY) ? undefined : row.int8(DELAY),
    id: row.asciiText(ID),
    eventName: eventName.textIn(row),
    eventVersion: row.int4(5),
    sourceModule: sourceModule.textIn(row),
    aggregateType: aggregateType.textIn(row),
    aggregateId: row.text(8),
    payload: row.isNull(PAYLOAD) ? '' : row.json(PAYLOAD),
    metadata: beginsCorrelation(row) ? undefined : row.json(METADATA),
    createdAt: row.milliseconds(11),
  });
}

/** Whether the metadata is what publishing writes when the caller adds nothing. */
function beginsCorrelation(row: WireRow): boolean {
  return (
    row.lengthOf(METADATA) === OWN_CORRELATION.length + row.lengthOf(ID) + 2 &&
    row.repeats(METADATA, OWN_CORRELATION.length, ID) &&
    row.hasAt(METADATA, 0, OWN_CORRELATION)
  );
}
