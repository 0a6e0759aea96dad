/** The part of a socket that reading needs. */
export interface DataStream {
  listeners(event: 'data'): unknown[];
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  off(event: 'data', listener: (chunk: Buffer) => void): unknown;
}

type OnCommandComplete = (message: { text: string }) => void;

/** The part of a node-postgres client that speaks the protocol. */
export interface Wire {
  readonly stream: DataStream & { destroy(): void; cork(): void; uncork(): void };
  sync(): void;
  once(event: 'readyForQuery', listener: () => void): void;
  /** `text` says which command, as the server has it: `COMMIT`, `INSERT 0 1`. */
  on(event: 'commandComplete', listener: OnCommandComplete): void;
  off(event: 'commandComplete', listener: OnCommandComplete): void;
}

/** Of a node-postgres client. */
export function wireOf(client: object): Wire {
  return (client as { connection: Wire }).connection;
}
