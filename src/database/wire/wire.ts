import { takesPlainWay } from './plain-way.js';

/*
 * The parts of the insides of node-postgres that the engine uses, behind a few functions.
 * test/database/wire-contract.spec.ts has a test for everything that they rely on, so that a version of `pg`
 * that differs is noticed before it is used.
 */

/** The part of a socket that the reader of rows needs. */
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

/** The documented part of a client. */
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
  /** `text` is the tag of the command, such as `COMMIT` or `INSERT 0 1`. */
  on(event: 'commandComplete', listener: OnMessage): void;
  off(event: 'commandComplete', listener: OnMessage): void;
}

/** The wire of a node-postgres client. */
export function wireOf(client: object): Wire {
  return (client as { connection: Wire }).connection;
}

/**
 * Ends the connection of a client at once and without a message to the server, because the server may not
 * answer.
 */
export function cutOff(client: object): void {
  const { stream } = (wireOf(client) ?? {}) as Partial<Wire>;
  if (typeof stream?.destroy === 'function') stream.destroy();
  else (client as PlainClient).end().catch(() => {});
}

/**
 * Holds back everything that is sent through a client until this turn of the event loop ends. Then all of it
 * is sent in one piece, together with what `beforeSending` adds.
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
 * Calls `listener` with the tag of every command that the server has carried out for a client (`COMMIT`,
 * `INSERT 0 1`), until the returned function is called. Returns undefined if the client does not show the
 * tags.
 */
export function onCommandComplete(client: object, listener: (tag: string) => void): (() => void) | undefined {
  const wire = wireOf(client) as Partial<Wire> | undefined;
  if (typeof wire?.on !== 'function' || takesPlainWay(client)) return undefined;
  const onMessage: OnMessage = ({ text }) => listener(text);
  wire.on('commandComplete', onMessage);
  return () => wire.off?.('commandComplete', onMessage);
}

/**
 * The process ID of the backend that the server, or a proxy in front of it, has told a client. Null if the
 * client was told none.
 */
export function reportedBackendOf(client: object): number | null {
  return (client as { processID: number | null }).processID;
}

/**
 * Resolves when the server has answered a bare Sync message. Allowed only for a client on which no statement
 * is running.
 */
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
