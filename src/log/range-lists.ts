import { PositionSet } from './position-set.js';

/**
 * Dimensions, whether there is a null, the elements' type; then of the one dimension its length and where it
 * begins.
 */
const HEADER = 20;
const LENGTH = 12;
const INT8_OID = 20;
const MAY_HAVE_NULL = 1;
const INT8_BYTES = 8;
/** Four bytes say how long it is. */
const ELEMENT = 4 + INT8_BYTES;
const NULL = -1;
const TWO_TO_32 = 2 ** 32;

/** So many are read in a turn of the event loop, a few milliseconds. */
const RANGES_A_TURN = 20_000;

/**
 * Very many ranges as two parameters of a statement, `unnest($1::bigint[], $2::bigint[])`: where each begins
 * and where it ends, null for an open end. In the binary form of an array, as the server's function
 * array_recv reads it: to write a million ranges takes 30 ms here, as text it takes ten times as long, and
 * reading the text of a multirange takes the server three seconds.
 */
export class RangeLists {
  readonly from: Buffer;
  private readonly ends: Buffer;
  private readonly viewOfFrom: DataView;
  private readonly viewOfEnds: DataView;
  private at = HEADER;
  private isOpen = false;

  /** Room for so many ranges, all of which are to be added. */
  constructor(ranges: number) {
    [this.from, this.viewOfFrom] = listOf(ranges);
    [this.ends, this.viewOfEnds] = listOf(ranges);
  }

  get to(): Buffer {
    // Of a null, which is a set's last bound, only its length is there.
    return this.isOpen ? this.ends.subarray(0, -INT8_BYTES) : this.ends;
  }

  /** Of a set's ranges so many, from the one at `first` on. */
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
 * A set out of two such lists as the server sends them for a multirange: its ranges ascend, and no two of
 * them touch.
 */
export async function readRangeLists(from: Buffer, to: Buffer): Promise<PositionSet> {
  const [begins, ends] = [viewOf(from), viewOf(to)];
  // A list without elements has no dimensions either.
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
 * An empty array that keeps its elements as plain 64-bit numbers, because its first one was not whole. Such
 * an array costs the garbage collector almost nothing, however long it grows, because it holds no pointers.
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
