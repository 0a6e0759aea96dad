/** The part of the wire that a query writes to. */
export interface ValueWire {
  readonly stream: { cork(): void; uncork(): void };
  parse(statement: { readonly text: string }): void;
  bind(to: { readonly values: readonly string[] }): void;
  execute(portal: object): void;
  sync(): void;
}

type OnValue = (error: unknown, value?: string | null) => void;

/**
 * A statement that answers with one value, as node-postgres takes queries of others (`pg-cursor` is one). It is not prepared by a name:
 * behind a pooler such as PgBouncer the next statement may meet another session. Nor does it ask for a description of its rows, which
 * costs the server and the driver more than the value.
 */
export class ValueQuery {
  private value: string | null | undefined;

  /** @param callback is called once, or again by the driver with what is to be ignored; under this name, which the driver and tracers know. */
  constructor(
    readonly text: string,
    readonly values: readonly string[],
    public callback: OnValue,
  ) {}

  /** All of it as one message, and in one piece. */
  submit(wire: ValueWire): null {
    wire.stream.cork();
    try {
      wire.parse(this);
      wire.bind(this);
      wire.execute({});
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
    return null;
  }

  handleRowDescription(): void {}

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.value ??= fields[0];
  }

  handleCommandComplete(): void {}

  handleError(error: unknown): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(null, this.value);
  }
}
