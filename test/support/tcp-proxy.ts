import { createServer, type Socket } from 'node:net';
import { connectTo, listenBefore } from './relay.js';

/** A way to the server that can fall silent without closing, as a network does. */
export interface TcpProxy {
  /** The database's URL through the proxy. */
  readonly url: string;
  /** Connections that exist now pass nothing on any more, in either direction; later ones do. */
  freeze(): void;
  /** The same, and later connections reach nobody either. */
  silence(): void;
  /**
   * The next message of a client that contains `text` reaches the server, the server's answer reaches nobody: the connection
   * ends instead. Resolves when that has happened.
   */
  loseAnswerTo(text: string): Promise<void>;
  /** The connection whose client next sends a message that contains `text` falls silent with it. Resolves when it has. */
  silenceAt(text: string): Promise<void>;
  /** How many connections its clients have not closed. Ask again until the number is the expected one. */
  clients(): number;
  close(): Promise<void>;
}

/**
 * @param tap called for every connection; what it returns sees what the client sends.
 * @param answerTap the same for what the server sends.
 */
export async function startTcpProxy(
  databaseUrl: string,
  tap?: () => (data: Buffer) => void,
  answerTap?: () => (data: Buffer) => void,
): Promise<TcpProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const frozen = new Set<Socket>();
  let losing: { readonly text: string; readonly lost: () => void } | undefined;
  let silencing: { readonly text: string; readonly silent: () => void } | undefined;
  let isSilent = false;
  const server = createServer({ noDelay: true }, (inbound) => {
    if (isSilent) {
      sockets.add(inbound);
      inbound.on('error', () => {});
      inbound.on('close', () => sockets.delete(inbound));
      inbound.resume();
      return;
    }
    const outbound = connectTo(target);
    const look = tap?.();
    const lookAtAnswer = answerTap?.();
    clients.add(inbound);
    inbound.on('close', () => clients.delete(inbound));
    if (lookAtAnswer !== undefined) outbound.on('data', lookAtAnswer);
    inbound.on('data', (data) => {
      look?.(data);
      if (silencing !== undefined && data.includes(silencing.text)) {
        inbound.unpipe();
        outbound.unpipe();
        silencing.silent();
        silencing = undefined;
      }
      if (losing === undefined || !data.includes(losing.text)) return;
      const { lost } = losing;
      losing = undefined;
      outbound.unpipe();
      outbound.once('data', () => {
        inbound.destroy();
        lost();
      });
      outbound.resume();
    });
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        if (!frozen.has(socket)) other.destroy();
      });
    }
  });
  const url = await listenBefore(databaseUrl, server);
  const freeze = () => {
    for (const socket of sockets) {
      frozen.add(socket);
      socket.unpipe();
      if (!clients.has(socket)) continue;
      // What comes is thrown away. Unread, it would hide that its sender ends the connection.
      socket.resume();
      // A silent server does not answer the end of a connection either.
      socket.allowHalfOpen = true;
    }
  };
  return {
    url,
    freeze,
    silence: () => {
      isSilent = true;
      freeze();
    },
    loseAnswerTo: (text) =>
      new Promise((lost) => {
        losing = { text, lost };
      }),
    silenceAt: (text) =>
      new Promise((silent) => {
        silencing = { text, silent };
      }),
    clients: () => {
      // A client that has closed its socket answers this byte with a reset. One that waits for the server takes it.
      for (const socket of clients) if (frozen.has(socket)) socket.write('N');
      return clients.size;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
