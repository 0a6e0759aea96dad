/** The part of the wire that a query writes to. */
interface ValueWire {
  readonly stream: { readonly writable: boolean; write(message: Buffer): unknown };
}

type OnValue = (error: unknown, value?: string | null) => void;

/**
 * A statement with one value that answers with one value. It has the form in which node-postgres takes
 * queries of other packages, such as `pg-cursor`. It is not prepared under a name, because behind a pooler
 * such as PgBouncer the next statement may run in another session. It does not ask for a description of its
 * rows either, because that costs the server and the driver more than the value.
 */
class ValueQuery {
  /**
   * The driver takes an empty name for no name. The name must not be undefined: OpenTelemetry's
   * instrumentation of `pg` can append a comment to each statement, and for a query whose name is undefined
   * it sends a copy that has none of these methods.
   */
  readonly name = '';
  private answer: string | null | undefined;

  /**
   * @param callback Is called once. The driver may call it again, and that call must be ignored. The driver
   * and tracers know the property under this name.
   */
  constructor(
    readonly text: string,
    readonly value: string,
    public callback: OnValue,
  ) {}

  submit({ stream }: ValueWire): null {
    // The driver does the same on a lost connection, and tells the loss to everybody who waits.
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
 * The fields that decide whether a client takes queries of other packages. A client of `pg-native` has no
 * `connection`, and a client that pipelines takes no such queries.
 */
interface AskedClient {
  readonly connection?: Partial<ValueWire>;
  readonly pipeline?: boolean;
}

/** Whether a client is the one of node-postgres that is written in JavaScript. */
export function hasWire(client: object): boolean {
  return (client as AskedClient).connection !== undefined;
}

/**
 * Runs a statement with one value on a client of node-postgres. The promise resolves to the first column of
 * the first row, and to undefined if there is no row. Returns undefined instead of a promise if the client
 * does not take queries of other packages.
 */
export function askValue(client: object, text: string, value: string): Promise<unknown> | undefined {
  const { connection, pipeline } = client as AskedClient;
  if (pipeline === true || typeof connection?.stream?.write !== 'function') return undefined;
  return new Promise((resolve, reject) => {
    const onValue: OnValue = (error, found) => (error ? reject(error) : resolve(found));
    (client as { query(query: ValueQuery): void }).query(new ValueQuery(text, value, onValue));
  });
}

/** The messages Execute, for the portal of Bind and all of its rows, and Sync. */
const EXECUTE_AND_SYNC = Buffer.from('E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04', 'latin1');

/**
 * The messages Parse, Bind, Execute and Sync in one buffer
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html). The driver would make four
 * messages, and would write each of them to the socket by itself.
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
  at = message.writeInt16BE(0, at); // the types of no values are given: the server finds them out
  at += message.write('B', at, 'latin1');
  at = message.writeInt32BE(bindBytes, at);
  at = message.writeInt16BE(0, at); // the portal and its statement have no name
  at = message.writeInt16BE(0, at); // the value is a text
  at = message.writeInt16BE(1, at); // one value
  at = message.writeInt32BE(valueBytes, at);
  at += message.write(value, at);
  at = message.writeInt16BE(0, at); // the answer is to be a text
  EXECUTE_AND_SYNC.copy(message, at);
  return message;
}
