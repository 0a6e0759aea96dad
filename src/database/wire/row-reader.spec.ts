import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RowReader } from './row-reader.js';
import type { WireRow } from './wire-row.js';

type Columns = readonly (string | Buffer | null)[];
type Message = { readonly row: Columns } | { readonly other: Buffer };

const columns = fc.array(
  fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('x'.repeat(300))), { nil: null }),
  { maxLength: 5 },
);
const message: fc.Arbitrary<Message> = fc.oneof(
  columns.map((row) => ({ row })),
  fc
    .tuple(fc.constantFrom('1', '2', 'T', 'C', 'N'), fc.uint8Array({ maxLength: 40 }))
    .map(([type, body]) => ({ other: messageOf(type, Buffer.from(body)) })),
);

describe('rows taken out of what arrives on a connection', () => {
  it('come whole and in order, and the driver gets the rest, however it is cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), fc.array(fc.nat(80)), (messages, cuts) => {
        const { stream, toDriver } = aConnection();
        const rows: Columns[] = [];
        new RowReader(stream, (row) => rows.push(columnsOf(row)));
        for (const chunk of cut(Buffer.concat(messages.map(bytesOf)), cuts)) stream.emit('data', chunk);
        expect(rows).toEqual(messages.flatMap((one) => ('row' in one ? [one.row] : [])));
        expect(Buffer.concat(toDriver)).toEqual(
          Buffer.concat(messages.flatMap((one) => ('other' in one ? [one.other] : []))),
        );
      }),
    );
  });

  it('gives the connection back to the driver with the message that ends the answer', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(80)), (behind, cuts) => {
        const { stream, toDriver } = aConnection();
        const end = messageOf('Z', Buffer.from('I'));
        const reader = new RowReader(stream, () => {});
        // The driver, too, calls back from within its parser, and until then it is given whole messages.
        stream.on('driver', (bytes: Buffer) => bytes.equals(end) && reader.close());
        const rest = Buffer.concat(behind.map(bytesOf));
        for (const chunk of cut(Buffer.concat([end, rest]), cuts)) stream.emit('data', chunk);
        expect(Buffer.concat(toDriver)).toEqual(Buffer.concat([end, rest]));
        expect(stream.listenerCount('data')).toBe(1);
      }),
    );
  });

  it('are passed over once one could not be taken', () => {
    const { stream } = aConnection();
    const seen: Columns[] = [];
    const reader = new RowReader(stream, (row) => {
      seen.push(columnsOf(row));
      throw new Error(`no use for ${row.text(0)}`);
    });
    stream.emit('data', Buffer.concat([bytesOf({ row: ['a'] }), bytesOf({ row: ['b'] })]));
    expect(seen).toEqual([['a']]);
    expect(reader.failure).toEqual(new Error('no use for a'));
  });
});

describe('a column', () => {
  it('is read as a whole number of either size', () => {
    fc.assert(
      fc.property(fc.integer(), fc.maxSafeInteger(), (small, large) => {
        const row = [int32(small), int64(BigInt(large))];
        expect(readRow(row, (one) => [one.int4(0), one.int8(1)])).toEqual([small, large]);
      }),
    );
  });

  it('is read as a time to the millisecond, rounded down', () => {
    const date = fc.date({ min: new Date('1900-01-01'), max: new Date('2199-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(date, fc.nat(999), (one, microseconds) => {
        const since2000 = BigInt(one.getTime() - Date.UTC(2000, 0, 1)) * 1000n + BigInt(microseconds);
        expect(readRow([int64(since2000)], (row) => row.milliseconds(0))).toBe(one.getTime());
      }),
    );
  });

  it('is read as JSON of the version that is known, and no other', () => {
    const read = (version: number) =>
      readRow([Buffer.from([version, ...Buffer.from('{"a": "é"}')])], (row) => row.json(0));
    expect(read(1)).toBe('{"a": "é"}');
    expect(() => read(2)).toThrow('version 2');
  });

  it('is compared as text, without being mistaken for another of the same bytes', () => {
    const texts = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('é', 'Ã©', 'a', 'ab', ''));
    fc.assert(
      fc.property(texts, texts, (text, other) => {
        const isAscii = Buffer.byteLength(other) === other.length;
        expect(readRow([text], (row) => row.holdsText(0, other))).toBe(isAscii && text === other);
      }),
    );
  });

  it('is compared with another one', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('', 'a', 'ab', 'abcdefgh', 'abcdefgx'),
    );
    fc.assert(
      fc.property(texts, texts, texts, (before, text, other) => {
        const [bytes, all] = [Buffer.from(other), Buffer.from(before + text)];
        const from = Buffer.byteLength(before);
        const stands = all.subarray(from, from + bytes.length).equals(bytes);
        expect(readRow([before + text, other], (row) => row.repeats(0, from, 1))).toBe(stands);
      }),
    );
    expect(readRow(['a', null], (row) => row.repeats(0, 0, 1))).toBe(false);
  });

  it('is compared from a place in it on', () => {
    const looks = (from: number, text: string) => readRow(['{"id": "x"}'], (row) => row.hasAt(0, from, text));
    expect(looks(0, '{"id": "')).toBe(true);
    expect(looks(8, 'x')).toBe(true);
    expect(looks(8, 'y')).toBe(false);
    expect(looks(9, '"} and more')).toBe(false);
  });
});

/** A socket with the listener of the driver on it. */
function aConnection() {
  const stream = new EventEmitter();
  const toDriver: Buffer[] = [];
  stream.on('data', (bytes: Buffer) => {
    toDriver.push(Buffer.from(bytes));
    stream.emit('driver', bytes);
  });
  return { stream, toDriver };
}

function readRow<R>(row: Columns, read: (row: WireRow) => R): R {
  const { stream } = aConnection();
  const results: R[] = [];
  const reader = new RowReader(stream, (one) => results.push(read(one)));
  stream.emit('data', bytesOf({ row }));
  if (reader.failure !== undefined) throw reader.failure;
  return results[0] as R;
}

function columnsOf(row: WireRow): Columns {
  return Array.from({ length: row.columns }, (_, column) => (row.isNull(column) ? null : row.text(column)));
}

function bytesOf(message: Message): Buffer {
  if ('other' in message) return message.other;
  const parts = message.row.flatMap((column) => {
    if (column === null) return [int32(-1)];
    const bytes = Buffer.from(column);
    return [int32(bytes.length), bytes];
  });
  const count = Buffer.alloc(2);
  count.writeUInt16BE(message.row.length);
  return messageOf('D', Buffer.concat([count, ...parts]));
}

function messageOf(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function* cut(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (const length of lengths) {
    if (length === 0) continue;
    if (at < bytes.length) yield bytes.subarray(at, at + length);
    at += length;
  }
  if (at < bytes.length) yield bytes.subarray(at);
}
