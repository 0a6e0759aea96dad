/** The part of the wire that a query writes to. */
interface ValueWire {
  readonly stream: { readonly writable: boolean; write(message: Buffer): unknown };
}

type OnValue = (error: unknown, value?: string | null) => void;

/**
 * A statement of one value that answers with one value, as node-postgres takes queries of others (`pg-cursor`
 * is one). It is not prepared by a name: behind a pooler such as PgBouncer the next statement may meet
 * another session. Nor does it ask for a description of its rows, which costs the server and the driver more
 * than the value.
 */
class ValueQuery {
  /**
   * An empty name, which the driver takes for none. OpenTelemetry's instrumentation of `pg`, told to append a
   * comment to each statement, sends a copy of a query whose name is undefined, and the copy has none of
   * these methods.
   */
  readonly name = '';
  private answer: string | null | undefined;

  /**
   * @param callback is called once, or again by the driver with what is to be ignored; under this name, which
   * the driver and tracers know.
   */
  constructor(
    readonly text: string,
    readonly value: string,
    public callback: OnValue,
  ) {}

  submit({ stream }: ValueWire): null {
    // As the driver does: whoever waits on a lost connection is told of that.
    if (stream.writable) stream.write(messageOf(this.text, this.value));
    return null;
  }

  handleRowDescription(): void {}

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.answer ??= fields[0];
  }

  handleCommandComplete(): void {}

  handleError(error: unknown): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(null, this.answer);
  }
}

/**
 * What decides whether a client takes queries of others: that of `pg-native` has no wire, and one that
 * pipelines takes none.
 */
interface AskedClient {
  readonly connection?: Partial<ValueWire>;
  readonly pipeline?: boolean;
}

/** Whether a client is node-postgres' own, written in JavaScript. */
export function hasWire(client: object): boolean {
  return (client as AskedClient).connection !== undefined;
}

/**
 * Runs a statement of one value on a client of node-postgres; resolves to what the first row has in its first
 * column, and to undefined without a row. Undefined itself where the client does not take queries of others.
 */
export function askValue(client: object, text: string, value: string): Promise<unknown> | undefined {
  const { connection, pipeline } = client as AskedClient;
  if (pipeline === true || typeof connection?.stream?.write !== 'function') return undefined;
  return new Promise((resolve, reject) => {
    const onValue: OnValue = (error, found) => (error ? reject(error) : resolve(found));
    (client as { query(query: ValueQuery): void }).query(new ValueQuery(text, value, onValue));
  });
}

/** Execute, of the portal that Bind made and for all of its rows, and Sync. */
const EXECUTE_AND_SYNC = Buffer.from('E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04', 'latin1');

/**
 * Parse, Bind, Execute and Sync in one piece, as the protocol has them
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html): the driver makes four messages of
 * them, and a write to the socket of each.
 */
function messageOf(text: string, value: string): Buffer {
  const textBytes = Buffer.byteLength(text);
  const valueBytes = Buffer.byteLength(value);
  const parseBytes = 4 + 1 + textBytes + 1 + 2;
  const bindBytes = 4 + 1 + 1 + 2 + 2 + 4 + valueBytes + 2;
  const message = Buffer.allocUnsafe(1 + parseBytes + 1 + bindBytes + EXECUTE_AND_SYNC.length);
  let at = message.write('P', 'latin1');
  at = message.writeInt32BE(parseBytes, at);
  at = message.writeUInt8(0, at); // the statement has no name
  at += message.write(text, at);
  at = message.writeUInt8(0, at);
  at = message.writeInt16BE(0, at); // the server tells the type of the value
  at += message.write('B', at, 'latin1');
  at = message.writeInt32BE(bindBytes, at);
  at = message.writeInt16BE(0, at); // neither has the portal, nor its statement
  at = message.writeInt16BE(0, at); // texts
  at = message.writeInt16BE(1, at); // one value
  at = message.writeInt32BE(valueBytes, at);
  at += message.write(value, at);
  at = message.writeInt16BE(0, at); // and the answer as text
  EXECUTE_AND_SYNC.copy(message, at);
  return message;
}
