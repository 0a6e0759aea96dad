import * as pg from 'pg';
import type { EngineStatement } from './named-statement.js';

/** Of a statement. */
export type OnAnswer = (error: unknown, answer: pg.QueryResult) => void;

/** The part of the wire that a query writes to. */
interface QueryWire {
  readonly stream: { cork(): void; uncork(): void };
  bind(to: { statement: string; values: string[] }): void;
  execute(): void;
  sync(): void;
}

/** What node-postgres' client calls of a query; its types do not name that. */
interface DriverQuery {
  name: string | undefined;
  submit(wire: QueryWire): Error | null;
  handleDataRow(row: unknown): void;
  handleCommandComplete(message: { text: string }, wire: QueryWire): void;
  handleError(error: unknown, wire: QueryWire): void;
}

/** Where there is none, nobody asks for a message (see `SelfTest`). */
const DriverQuery = (pg.Query ?? class {}) as unknown as new (
  text: string,
  values: unknown[] | undefined,
  onAnswer: OnAnswer,
) => DriverQuery;

/**
 * What a transaction begins with, and behind it, if there is one already, its first statement, as one
 * message: the server carries all of it out in turn, and from a statement that fails on nothing, up to the
 * message's end. So nothing can run without its BEGIN. The statements that it begins with are prepared on the
 * connection already.
 */
export class OpeningMessage extends DriverQuery {
  private readonly counts: number[] = [];
  private isBeingSent = false;

  /**
   * @param onOpened how many rows each of the statements wrote or found that it begins with; or why one of
   * them failed.
   * @param first the transaction's first statement, one with values: without any it might be several. Fails
   * with those before it.
   */
  constructor(
    private readonly opening: readonly EngineStatement[],
    private readonly onOpened: (error: unknown, counts: number[]) => void,
    private readonly first: pg.QueryConfig | undefined,
    onAnswer: OnAnswer,
  ) {
    // By its parts: node-postgres copies a config property by property, which took 4 % of the time of a
    // process full of transactional handlers.
    super(first?.text ?? '', first?.values, onAnswer);
    // An empty name is none, and keeps tracers from sending a copy (see `ValueQuery`).
    this.name = first?.name ?? '';
  }

  override submit(wire: QueryWire): null {
    wire.stream.cork();
    this.isBeingSent = true;
    try {
      // Each is bound when those before it have been carried out: a SELECT sees what was there when it was
      // bound.
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
   * Of the server, or of the connection; or, while it is being sent, of a value that cannot be: the rest of
   * the message is, all the same.
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
 * As node-postgres takes queries of others; its types know none that end with the message they are sent in.
 */
export function sendMessage(client: object, message: OpeningMessage): void {
  (client as { query(message: OpeningMessage): void }).query(message);
}

/** `INSERT 0 1`, `SELECT 1`, `BEGIN`. */
function countIn(tag: string): number {
  return Number(tag.slice(tag.lastIndexOf(' ') + 1)) || 0;
}
