import type pg from 'pg';
import { binaryFormOf } from './binary-form.js';
import { type NamedStatement, queryOf } from './named-statement.js';
import { takesPlainWay } from './plain-way.js';
import { type DataStream, wireOf } from './wire.js';
import { WireRow } from './wire-row.js';

const NOTHING = Buffer.alloc(0);
const DATA_ROW = 'D'.charCodeAt(0);
/** One byte says which message it is, four how long it is, themselves included. */
const HEADER = 5;

type DataListener = (chunk: Buffer) => void;

/**
 * Takes the rows of one answer out of what arrives on a connection, before the driver makes an object and a
 * string per column of each: that costs as much as all that is done with an event afterwards, and what is
 * made lives long enough to burden the collector. All other messages go to the driver as they are. From an
 * idle connection on, until `close`: then the driver listens again.
 */
export class RowReader {
  /** What `onRow` threw first; rows after that are passed over. */
  failure: unknown;

  private readonly row = new WireRow();
  private readonly driver: DataListener[];
  private isOpen = true;
  /**
   * A message that has not come whole yet (its header, where not even that has), and how many of its bytes
   * are there. It has its whole length from the start, because to join the pieces of a message of many
   * megabytes at its end would hold up the event loop.
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
    // Closed by the message that ended the answer: what came behind it is the driver's.
    if (at < chunk.length) this.pass(chunk.subarray(at));
  };

  /**
   * Takes so much of a chunk as the message that has come in part lacks, and no more, since that is copied;
   * where the rest begins.
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

/** Of the message that begins there; of its header, where not even that is there. */
function lengthAt(bytes: Buffer, at: number): number {
  return bytes.length - at < HEADER ? HEADER : 1 + bytes.readUInt32BE(at + 1);
}

/** What node-postgres takes and its types do not name. */
interface BinaryQuery extends pg.QueryConfig {
  readonly binary: true;
}

/** Runs a statement on an idle client of node-postgres; each row is valid until `onRow` returns. */
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

/** Columns as the server shows them. */
const AS_IT_IS = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;

/** The same by the driver, which makes a text of each column. */
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

/** As the server sends a row: how many columns, and of each its length, -1 for null, and its bytes. */
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
