import { takesPlainWay } from './plain-way.js';

/*
 * What the engine uses of the insides of node-postgres, behind a few functions. Everything that they rely on
 * has a test in test/wire-contract.spec.ts, so that a version of `pg` that differs is noticed before it is
 * used.
 */

/** The part of a socket that reading needs. */
export interface DataStream {
  listeners(event: 'data'): unknown[];
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  off(event: 'data', listener: (chunk: Buffer) => void): unknown;
}

/** The part of a socket that the engine uses. */
interface WireStream extends DataStream {
  prependListener(event: 'data', listener: (chunk: Buffer) => void): unknown;
  destroy(): void;
  cork(): void;
  uncork(): void;
}

/** What is documented of a client. */
interface PlainClient {
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
}

type OnMessage = (message: { text: string }) => void;

/** The part of a node-postgres client that speaks the protocol. */
export interface Wire {
  readonly stream: WireStream;
  sync(): void;
  once(event: 'readyForQuery', listener: () => void): void;
  once(event: 'commandComplete', listener: OnMessage): void;
  /** `text` says which command, as the server has it: `COMMIT`, `INSERT 0 1`. */
  on(event: 'commandComplete', listener: OnMessage): void;
  off(event: 'commandComplete', listener: OnMessage): void;
}

/** Of a node-postgres client. */
export function wireOf(client: object): Wire {
  return (client as { connection: Wire }).connection;
}

/** Ends the connection of a client at once and without a farewell, as for a server that does not answer. */
export function cutOff(client: object): void {
  const { stream } = (wireOf(client) ?? {}) as Partial<Wire>;
  if (typeof stream?.destroy === 'function') stream.destroy();
  else (client as PlainClient).end().catch(() => {});
}

/**
 * Holds back what is sent through a client until this turn of the event loop ends. It goes out in one piece
 * then, together with what `beforeSending` adds to it.
 */
export function sendAtEndOfTurn(client: object, beforeSending?: () => void): void {
  if (takesPlainWay(client)) {
    if (beforeSending !== undefined) setImmediate(beforeSending);
    return;
  }
  const { stream } = wireOf(client);
  stream.cork();
  setImmediate(() => {
    beforeSending?.();
    stream.uncork();
  });
}

/**
 * Tells `listener` the tag of every command that the server has carried out for a client (`COMMIT`, `INSERT 0
 * 1`), until the function that it returns is called. Undefined where the client does not show what the server
 * says of each command.
 */
export function onCommandComplete(client: object, listener: (tag: string) => void): (() => void) | undefined {
  const wire = wireOf(client) as Partial<Wire> | undefined;
  if (typeof wire?.on !== 'function' || takesPlainWay(client)) return undefined;
  const onMessage: OnMessage = ({ text }) => listener(text);
  wire.on('commandComplete', onMessage);
  return () => wire.off?.('commandComplete', onMessage);
}

/**
 * The number of its backend that the server, or whoever stands between, has told a client; null where nobody
 * has.
 */
export function reportedBackendOf(client: object): number | null {
  return (client as { processID: number | null }).processID;
}

/** Resolves when the server has answered a bare Sync message. Only for a client on which nothing is asked. */
export function signOfLife(client: object): Promise<void> {
  return new Promise((resolve) => {
    if (takesPlainWay(client)) {
      (client as PlainClient).query('').then(
        () => resolve(),
        () => {},
      );
      return;
    }
    const wire = wireOf(client);
    wire.once('readyForQuery', resolve);
    wire.sync();
  });
}
