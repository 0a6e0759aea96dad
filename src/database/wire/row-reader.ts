import type pg from 'pg';
import { binaryFormOf } from './binary-form.js';
import { type NamedStatement, queryOf } from './named-statement.js';
import { takesPlainWay } from './plain-way.js';
import { type DataStream, wireOf } from './wire.js';
import { WireRow } from './wire-row.js';

const NOTHING = Buffer.alloc(0);
const DATA_ROW = 'D'.charCodeAt(0);
/**
 * Bytes of a header: one for the kind of the message, and four for its length, which counts these four bytes
 * too.
 */
const HEADER = 5;

type DataListener = (chunk: Buffer) => void;

/**
 * Takes the rows of one answer out of the data that arrives on a connection, before the driver sees them. The
 * driver would make an object for each row and a string for each column. That costs as much as everything
 * that is done with an event afterwards, and these objects live long enough to burden the garbage collector.
 * All other messages go to the driver unchanged. The reader must start on an idle connection. After `close`,
 * the driver listens again.
 */
export class RowReader {
  /** The first error that `onRow` threw. The rows after it are skipped. */
  failure: unknown;

  private readonly row = new WireRow();
  private readonly driver: DataListener[];
  private isOpen = true;
  /**
   * A message that has arrived only in part, or a header if even that is not complete. `filled` says how many
   * of its bytes have arrived. The buffer has the whole length of the message from the start: joining the
   * pieces of a message of many megabytes at the end would hold up the event loop.
   */
  private part: Buffer = NOTHING;
  private filled = 0;

  constructor(
    private readonly stream: DataStream,
    private readonly onRow: (row: WireRow) => void,
  ) {
    this.driver = stream.listeners('data') as DataListener[];
    stream.on('data', this.arrive);
    for (const listener of this.driver) stream.off('data', listener);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const listener of this.driver) this.stream.on('data', listener);
    this.stream.off('data', this.arrive);
  }

  private readonly arrive = (chunk: Buffer): void => {
    let at = this.complete(chunk);
    while (this.isOpen && at < chunk.length) {
      const there = chunk.length - at;
      const length = lengthAt(chunk, at);
      if (length > there) {
        this.part = Buffer.allocUnsafe(length);
        this.filled = chunk.copy(this.part, 0, at);
        return;
      }
      this.message(chunk, at, length);
      at += length;
    }
    // The message that ended the answer has closed the reader. The data after it belongs to the driver.
    if (at < chunk.length) this.pass(chunk.subarray(at));
  };

  /**
   * Takes from a chunk only the bytes that the incomplete message still needs, because they are copied.
   * Returns the index at which the rest of the chunk begins.
   */
  private complete(chunk: Buffer): number {
    let at = 0;
    while (this.filled < this.part.length && at < chunk.length) {
      const copied = chunk.copy(this.part, this.filled, at);
      at += copied;
      this.filled += copied;
      if (this.filled < this.part.length) break;
      const { part } = this;
      const length = lengthAt(part, 0);
      if (length > part.length) {
        this.part = Buffer.allocUnsafe(length);
        part.copy(this.part);
      } else {
        this.part = NOTHING;
        this.filled = 0;
        this.message(part, 0, length);
      }
    }
    return at;
  }

  private message(bytes: Buffer, at: number, length: number): void {
    if (bytes[at] === DATA_ROW) this.take(bytes, at + HEADER);
    else this.pass(bytes.subarray(at, at + length));
  }

  private take(bytes: Buffer, body: number): void {
    if (this.failure !== undefined) return;
    try {
      this.row.read(bytes, body);
      this.onRow(this.row);
    } catch (error) {
      this.failure = error;
    }
  }

  private pass(bytes: Buffer): void {
    for (const listener of this.driver) listener(bytes);
  }
}

/**
 * The length of the message that begins at this index; the length of a header if even the header is not
 * complete.
 */
function lengthAt(bytes: Buffer, at: number): number {
  return bytes.length - at < HEADER ? HEADER : 1 + bytes.readUInt32BE(at + 1);
}

/** A property that node-postgres takes and its types do not name. */
interface BinaryQuery extends pg.QueryConfig {
  readonly binary: true;
}

/** Runs a statement on an idle client of node-postgres. Each row is valid until `onRow` returns. */
export function forEachRow(
  client: object,
  statement: NamedStatement,
  onRow: (row: WireRow) => void,
): Promise<void> {
  if (takesPlainWay(client)) return forEachRowOfDriver(client, statement, onRow);
  return new Promise((resolve, reject) => {
    const reader = new RowReader(wireOf(client).stream, onRow);
    const query: BinaryQuery = { ...queryOf(statement), binary: true };
    (client as pg.Client).query(query, (error: unknown) => {
      reader.close();
      const failure = error ?? reader.failure;
      if (failure) reject(failure);
      else resolve();
    });
  });
}

/** Returns each column as the text that the server sends. */
const AS_IT_IS = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;

/** Does the same with the driver, which makes a text of each column. */
async function forEachRowOfDriver(
  client: object,
  statement: NamedStatement,
  onRow: (row: WireRow) => void,
): Promise<void> {
  const query = { ...queryOf(statement), rowMode: 'array' as const, types: AS_IT_IS };
  const { rows, fields } = await (client as pg.Client).query<(string | null)[]>(query);
  const row = new WireRow();
  for (const columns of rows) {
    row.read(bodyOf(columns, fields), 0);
    onRow(row);
  }
}

/**
 * Makes the body of a row as the server sends it: the number of columns, and for each column its length (-1
 * for null) and its bytes.
 */
function bodyOf(columns: readonly (string | null)[], fields: readonly pg.FieldDef[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(columns.length);
  const parts = columns.flatMap((text, column) => {
    const bytes = text === null ? undefined : binaryFormOf(fields[column]?.dataTypeID ?? 0, text);
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes?.length ?? -1);
    return bytes === undefined ? [length] : [length, bytes];
  });
  return Buffer.concat([count, ...parts]);
}
