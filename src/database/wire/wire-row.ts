const LAST_ASCII = 0x7f;
const TWO_TO_32 = 2 ** 32;
/** What the binary form of a jsonb begins with; its text follows. */
const JSONB_VERSION = 1;
/** A column of fewer bytes is copied when it is kept. */
const FEW_BYTES = 64 * 1024;
/** The server counts time from here. */
const YEAR_2000 = Date.UTC(2000, 0, 1);

/**
 * A row as it came over the wire: a column is decoded when it is asked for, and no further than asked. One
 * object for all rows of an answer: it says what it says until the next one is read. Format:
 * https://www.postgresql.org/docs/current/protocol-message-formats.html (DataRow), every column in its binary
 * form, which costs the server less than a text: of a page of events, a quarter of its time. What the forms
 * are stands in the server's own functions that send them (int8send, timestamptz_send, jsonb_send).
 */
export class WireRow {
  columns = 0;

  private bytes: Buffer = Buffer.alloc(0);
  /** Of the same bytes: numbers are read through it in a fraction of the time that a Buffer takes. */
  private view = new DataView(this.bytes.buffer);
  private readonly starts: number[] = [];
  /** -1 for null. */
  private readonly lengths: number[] = [];

  /** Takes the row whose message has its body here. */
  read(bytes: Buffer, body: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const { view } = this;
    this.columns = view.getUint16(body);
    let at = body + 2;
    for (let column = 0; column < this.columns; column++) {
      const length = view.getInt32(at);
      at += 4;
      this.starts[column] = at;
      this.lengths[column] = length;
      if (length > 0) at += length;
    }
  }

  isNull(column: number): boolean {
    return this.lengthOf(column) < 0;
  }

  /** Of its bytes. */
  lengthOf(column: number): number {
    return this.lengths[column] as number;
  }

  /** Of a column of type text. */
  text(column: number): string {
    return this.textFrom(this.startOf(column), column);
  }

  /** Of a column of type text that holds nothing but ASCII, which need not be looked for anything else. */
  asciiText(column: number): string {
    const start = this.startOf(column);
    return this.bytes.toString('latin1', start, start + this.lengthOf(column));
  }

  /** The text of a column of type jsonb. */
  json(column: number): string {
    const start = this.startOf(column);
    if (this.bytes[start] !== JSONB_VERSION)
      throw new Error(
        `The server sends jsonb in a form that is not known here, version ${this.bytes[start]}`,
      );
    return this.textFrom(start + 1, column);
  }

  /** Of a column of type integer. */
  int4(column: number): number {
    return this.view.getInt32(this.startOf(column));
  }

  /** Of a column of type bigint, whose magnitude is below 2^53. */
  int8(column: number): number {
    const start = this.startOf(column);
    return this.view.getInt32(start) * TWO_TO_32 + this.view.getUint32(start + 4);
  }

  /** Milliseconds since 1970 of a column of type timestamptz, rounded down. */
  milliseconds(column: number): number {
    return YEAR_2000 + Math.floor(this.int8(column) / 1000);
  }

  /**
   * The bytes of a column of any type. They stay as they are when the next row is read. Only short ones are
   * copied, so that they do not keep the rest of what arrived with them in memory.
   */
  bytesOf(column: number): Buffer {
    const start = this.startOf(column);
    const length = this.lengthOf(column);
    const bytes = this.bytes.subarray(start, start + length);
    return length < FEW_BYTES ? Buffer.from(bytes) : bytes;
  }

  /**
   * Whether a text of ASCII characters stands in a column, from its byte `from` on; false for any other text.
   */
  hasAt(column: number, from: number, ascii: string): boolean {
    if (this.lengthOf(column) < from + ascii.length) return false;
    const start = this.startOf(column) + from;
    for (let i = 0; i < ascii.length; i++) {
      const code = ascii.charCodeAt(i);
      if (code > LAST_ASCII || this.bytes[start + i] !== code) return false;
    }
    return true;
  }

  /** Whether what stands in another column stands in this one as well, from its byte `from` on. */
  repeats(column: number, from: number, other: number): boolean {
    const length = this.lengthOf(other);
    if (length < 0 || this.lengthOf(column) < from + length) return false;
    const [at, otherAt] = [this.startOf(column) + from, this.startOf(other)];
    let i = 0;
    for (; i + 4 <= length; i += 4)
      if (this.view.getInt32(at + i) !== this.view.getInt32(otherAt + i)) return false;
    for (; i < length; i++) if (this.bytes[at + i] !== this.bytes[otherAt + i]) return false;
    return true;
  }

  /** Whether a column is this text; false for one that is not ASCII. */
  holdsText(column: number, ascii: string): boolean {
    return this.lengthOf(column) === ascii.length && this.hasAt(column, 0, ascii);
  }

  private startOf(column: number): number {
    return this.starts[column] as number;
  }

  private textFrom(start: number, column: number): string {
    return this.bytes.toString('utf8', start, this.startOf(column) + this.lengthOf(column));
  }
}
