import * as pg from 'pg';
import type { EngineStatement } from './named-statement.js';

/** Receives the answer to a statement. */
export type OnAnswer = (error: unknown, answer: pg.QueryResult) => void;

/** The part of the wire that a query writes to. */
interface QueryWire {
  readonly stream: { cork(): void; uncork(): void };
  bind(to: { statement: string; values: string[] }): void;
  execute(): void;
  sync(): void;
}

/** The members of a query that the client of node-postgres calls. Its types do not name them. */
interface DriverQuery {
  name: string | undefined;
  submit(wire: QueryWire): Error | null;
  handleDataRow(row: unknown): void;
  handleCommandComplete(message: { text: string }, wire: QueryWire): void;
  handleError(error: unknown, wire: QueryWire): void;
}

/** If `pg` has no `Query`, nobody makes a message (see `SelfTest`). */
const DriverQuery = (pg.Query ?? class {}) as unknown as new (
  text: string,
  values: unknown[] | undefined,
  onAnswer: OnAnswer,
) => DriverQuery;

/**
 * The statements that begin a transaction, and behind them the first statement of the transaction, if there
 * is one already. All of them are one message. The server carries out the statements in turn, and after one
 * that fails it skips the rest of the message. So no statement can run without its BEGIN. The statements that
 * begin the transaction are prepared on the connection already.
 */
export class OpeningMessage extends DriverQuery {
  private readonly counts: number[] = [];
  private isBeingSent = false;

  /**
   * @param onOpened Receives how many rows each of the statements that begin the transaction wrote or found;
   * or why one of them failed.
   * @param first The first statement of the transaction. It must have values, because a text without values
   * may be several statements. It fails if a statement before it fails.
   */
  constructor(
    private readonly opening: readonly EngineStatement[],
    private readonly onOpened: (error: unknown, counts: number[]) => void,
    private readonly first: pg.QueryConfig | undefined,
    onAnswer: OnAnswer,
  ) {
    // The parts of the query are passed one by one, because node-postgres would copy a config object property
    // by property, which is measurably slower.
    super(first?.text ?? '', first?.values, onAnswer);
    // The driver takes an empty name for no name. It keeps tracers from sending a copy (see `ValueQuery`).
    this.name = first?.name ?? '';
  }

  override submit(wire: QueryWire): null {
    wire.stream.cork();
    this.isBeingSent = true;
    try {
      // Each statement is bound after the statements before it have been carried out, because a SELECT sees
      // what was there when it was bound.
      for (const { name, values } of this.opening) {
        wire.bind({ statement: name, values: values.map(String) });
        wire.execute();
      }
      const refused = this.first === undefined ? null : super.submit(wire);
      if (this.first === undefined || refused !== null) wire.sync();
      if (refused !== null) process.nextTick(() => super.handleError(refused, wire));
    } finally {
      this.isBeingSent = false;
      wire.stream.uncork();
    }
    return null;
  }

  override handleDataRow(row: unknown): void {
    if (this.isOpened) super.handleDataRow(row);
  }

  override handleCommandComplete(message: { text: string }, wire: QueryWire): void {
    if (this.isOpened) {
      super.handleCommandComplete(message, wire);
      return;
    }
    this.counts.push(countIn(message.text));
    if (this.isOpened) this.onOpened(undefined, this.counts);
  }

  /**
   * The error comes from the server or the connection. While the message is being sent, it comes from a value
   * that cannot be sent. The rest of the message is sent all the same then.
   */
  override handleError(error: unknown, wire: QueryWire): void {
    if (!this.isBeingSent && !this.isOpened) this.onOpened(error, this.counts);
    super.handleError(error, wire);
  }

  private get isOpened(): boolean {
    return this.counts.length === this.opening.length;
  }
}

/**
 * Sends a message in the form in which node-postgres takes queries of other packages. Its types do not know a
 * query of which one message holds several statements.
 */
export function sendMessage(client: object, message: OpeningMessage): void {
  (client as { query(message: OpeningMessage): void }).query(message);
}

/** The number at the end of a tag such as `INSERT 0 1` or `SELECT 1`; 0 for `BEGIN`. */
function countIn(tag: string): number {
  return Number(tag.slice(tag.lastIndexOf(' ') + 1)) || 0;
}
