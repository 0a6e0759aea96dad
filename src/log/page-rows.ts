import type { WireRow } from '../database/wire/wire-row.js';
import { LogEvent } from './log-event.js';
import { PositionSet } from './position-set.js';

/** What an event takes beside its payload and metadata, about. */
const ENVELOPE_BYTES = 256;

/**
 * The event begins a correlation of its own: so does the binary form of such a jsonb begin, its version
 * first.
 */
const OWN_CORRELATION = '\u0001{"correlationId": "';

/** Where these columns stand in a row of a page. */
const POSITION = 0;
const BYTES = 1;
const DELAY = 2;
const ID = 3;
const PAYLOAD = 9;
const METADATA = 10;
const PARTITION = 12;

/** The rows of a page that stay within so many bytes; one if there is any. */
export class PageRows {
  readonly positions = PositionSet.empty();
  readonly events: LogEvent[] = [];
  /** By position, those whose payload was left behind. */
  readonly large = new Map<number, LogEvent>();
  readonly partitions: number[] | undefined;
  /** Those beyond the bytes included. */
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

/** A column that says the same in row after row: one string for all of them, whose hash is reckoned once. */
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

/** Of a row whose columns are those of a page. */
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

/** What publishing writes where nobody says more. */
function beginsCorrelation(row: WireRow): boolean {
  return (
    row.lengthOf(METADATA) === OWN_CORRELATION.length + row.lengthOf(ID) + 2 &&
    row.repeats(METADATA, OWN_CORRELATION.length, ID) &&
    row.hasAt(METADATA, 0, OWN_CORRELATION)
  );
}
