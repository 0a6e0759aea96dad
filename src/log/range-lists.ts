import { PositionSet } from './position-set.js';

/**
 * Length of the header in bytes. It holds the number of dimensions, a flag for nulls and the type of the
 * elements. For the one dimension, it also holds the length and the first index.
 */
const HEADER = 20;
const LENGTH = 12;
const INT8_OID = 20;
const MAY_HAVE_NULL = 1;
const INT8_BYTES = 8;
/** Each element has four bytes for its length before its value. */
const ELEMENT = 4 + INT8_BYTES;
const NULL = -1;
const TWO_TO_32 = 2 ** 32;

/** Number of ranges that are read in one turn of the event loop. This takes a few milliseconds. */
const RANGES_A_TURN = 20_000;

/**
 * Very many ranges as two parameters of a statement, `unnest($1::bigint[], $2::bigint[])`. The first list has
 * the start of each range. The second has its end, or null for an open end. Both use the binary form of an
 * array that the server function array_recv reads, because writing and reading text is many times slower.
 */
export class RangeLists {
  readonly from: Buffer;
  private readonly ends: Buffer;
  private readonly viewOfFrom: DataView;
  private readonly viewOfEnds: DataView;
  private at = HEADER;
  private isOpen = false;

  /** Makes room for this number of ranges. The caller must add exactly this number. */
  constructor(ranges: number) {
    [this.from, this.viewOfFrom] = listOf(ranges);
    [this.ends, this.viewOfEnds] = listOf(ranges);
  }

  get to(): Buffer {
    // A null stores only its length. Only the last bound of a set can be null.
    return this.isOpen ? this.ends.subarray(0, -INT8_BYTES) : this.ends;
  }

  /** Writes `count` ranges of the set, starting with the range at index `first`. */
  writeRanges(set: PositionSet, first: number, count: number): void {
    const visit = (from: number, to: number) => {
      write(this.viewOfFrom, this.at, from);
      if (to !== Number.POSITIVE_INFINITY) write(this.viewOfEnds, this.at, to);
      else {
        this.isOpen = true;
        this.viewOfEnds.setInt32(this.at, NULL);
      }
      this.at += ELEMENT;
    };
    set.forEachRange(visit, first, count);
  }
}

function listOf(length: number): [Buffer, DataView] {
  const bytes = Buffer.alloc(HEADER + length * ELEMENT);
  const view = viewOf(bytes);
  for (const [i, value] of [1, MAY_HAVE_NULL, INT8_OID, length, 1].entries()) view.setInt32(4 * i, value);
  return [bytes, view];
}

function write(view: DataView, at: number, value: number): void {
  view.setInt32(at, INT8_BYTES);
  view.setInt32(at + 4, Math.floor(value / TWO_TO_32));
  view.setUint32(at + 8, value >>> 0);
}

/**
 * Makes a set of two lists that the server sent for a multirange. Its ranges ascend, and no two of them
 * touch.
 */
export async function readRangeLists(from: Buffer, to: Buffer): Promise<PositionSet> {
  const [begins, ends] = [viewOf(from), viewOf(to)];
  // A list without elements has no dimensions.
  const count = begins.getInt32(0) === 0 ? 0 : begins.getInt32(LENGTH);
  const bounds = listOfDoubles();
  for (let i = 0, at = HEADER; i < count; i++, at += ELEMENT) {
    if (i % RANGES_A_TURN === RANGES_A_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
    const isOpen = ends.getInt32(at) === NULL;
    bounds.push(read(begins, at), isOpen ? Number.POSITIVE_INFINITY : read(ends, at));
  }
  return PositionSet.ofBounds(bounds);
}

/**
 * Makes an empty array that keeps its elements as plain 64-bit numbers, because its first element was not
 * whole. Such an array costs the garbage collector almost nothing at any length, because it holds no
 * pointers.
 */
function listOfDoubles(): number[] {
  const numbers = [0.5];
  numbers.length = 0;
  return numbers;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function read(view: DataView, at: number): number {
  return view.getInt32(at + 4) * TWO_TO_32 + view.getUint32(at + 8);
}
