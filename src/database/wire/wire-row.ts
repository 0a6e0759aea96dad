const LAST_ASCII = 0x7f;
const TWO_TO_32 = 2 ** 32;
/** The first byte of the binary form of a jsonb. Its text follows. */
const JSONB_VERSION = 1;
/** Bytes. A shorter column is copied when it is kept. */
const FEW_BYTES = 64 * 1024;
/** The server counts time from this moment. */
const YEAR_2000 = Date.UTC(2000, 0, 1);

/**
 * A row as it came over the wire. A column is decoded only when it is asked for. One object serves all rows
 * of an answer, so its content is valid until the next row is read.
 *
 * The format is that of DataRow (https://www.postgresql.org/docs/current/protocol-message-formats.html), with
 * every column in its binary form, because the server makes the binary form faster than a text. The binary
 * forms are defined by the functions of the server that send them (int8send, timestamptz_send, jsonb_send).
 */
export class WireRow {
  columns = 0;

  private bytes: Buffer = Buffer.alloc(0);
  /** A view of the same bytes, because it reads numbers much faster than a Buffer does. */
  private view = new DataView(this.bytes.buffer);
  private readonly starts: number[] = [];
  /** The length of each column in bytes; -1 for null. */
  private readonly lengths: number[] = [];

  /** Takes the row whose message has its body at this index. */
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

  /** The length of a column in bytes; -1 for null. */
  lengthOf(column: number): number {
    return this.lengths[column] as number;
  }

  /** The value of a column of type text. */
  text(column: number): string {
    return this.textFrom(this.startOf(column), column);
  }

  /**
   * The value of a column of type text that holds ASCII only. This is faster, because nothing else must be
   * looked for.
   */
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

  /** The value of a column of type integer. */
  int4(column: number): number {
    return this.view.getInt32(this.startOf(column));
  }

  /** The value of a column of type bigint. Its magnitude must be below 2^53. */
  int8(column: number): number {
    const start = this.startOf(column);
    return this.view.getInt32(start) * TWO_TO_32 + this.view.getUint32(start + 4);
  }

  /** The value of a column of type timestamptz, in milliseconds since 1970, rounded down. */
  milliseconds(column: number): number {
    return YEAR_2000 + Math.floor(this.int8(column) / 1000);
  }

  /**
   * The bytes of a column of any type. They stay valid when the next row is read. Short columns are copied,
   * so that they do not keep the rest of the received data in memory. Long ones are not copied.
   */
  bytesOf(column: number): Buffer {
    const start = this.startOf(column);
    const length = this.lengthOf(column);
    const bytes = this.bytes.subarray(start, start + length);
    return length < FEW_BYTES ? Buffer.from(bytes) : bytes;
  }

  /** Whether a column has this ASCII text at its byte `from`. False for a text that is not ASCII. */
  hasAt(column: number, from: number, ascii: string): boolean {
    if (this.lengthOf(column) < from + ascii.length) return false;
    const start = this.startOf(column) + from;
    for (let i = 0; i < ascii.length; i++) {
      const code = ascii.charCodeAt(i);
      if (code > LAST_ASCII || this.bytes[start + i] !== code) return false;
    }
    return true;
  }

  /** Whether a column has the whole content of another column at its byte `from`. */
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

  /** Whether a column is equal to this text. False for a text that is not ASCII. */
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
