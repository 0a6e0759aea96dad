const MINUS = 0x2d;
const ZERO = 0x30;
const LAST_ASCII = 0x7f;

/**
 * A row as it came over the wire: a column is decoded when it is asked for, and no further than asked. One object for all rows of an
 * answer: it says what it says until the next one is read. Format: https://www.postgresql.org/docs/current/protocol-message-formats.html
 * (DataRow), every column as text.
 */
export class WireRow {
  columns = 0;

  private bytes: Buffer = Buffer.alloc(0);
  private readonly starts: number[] = [];
  /** -1 for null. */
  private readonly lengths: number[] = [];

  /** Takes the row whose message has its body here. */
  read(bytes: Buffer, body: number): void {
    this.bytes = bytes;
    this.columns = bytes.readUInt16BE(body);
    let at = body + 2;
    for (let column = 0; column < this.columns; column++) {
      const length = bytes.readInt32BE(at);
      at += 4;
      this.starts[column] = at;
      this.lengths[column] = length;
      if (length > 0) at += length;
    }
  }

  isNull(column: number): boolean {
    return this.lengthOf(column) < 0;
  }

  /** Of its UTF-8. */
  lengthOf(column: number): number {
    return this.lengths[column] as number;
  }

  text(column: number): string {
    const start = this.starts[column] as number;
    return this.bytes.toString('utf8', start, start + this.lengthOf(column));
  }

  /** Of a column that holds a whole number below 2^53. */
  integer(column: number): number {
    const { bytes } = this;
    let at = this.starts[column] as number;
    const end = at + this.lengthOf(column);
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    let value = 0;
    for (; at < end; at++) value = value * 10 + ((bytes[at] as number) - ZERO);
    return isNegative ? -value : value;
  }

  /** Whether a text of ASCII characters stands in a column, from its byte `from` on; false for any other text. */
  hasAt(column: number, from: number, ascii: string): boolean {
    if (this.lengthOf(column) < from + ascii.length) return false;
    const start = (this.starts[column] as number) + from;
    for (let i = 0; i < ascii.length; i++) {
      const code = ascii.charCodeAt(i);
      if (code > LAST_ASCII || this.bytes[start + i] !== code) return false;
    }
    return true;
  }

  /** Whether a column is this text; false for one that is not ASCII. */
  is(column: number, ascii: string): boolean {
    return this.lengthOf(column) === ascii.length && this.hasAt(column, 0, ascii);
  }
}
