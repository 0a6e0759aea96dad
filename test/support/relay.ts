import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A server on the way to a database, which ends each connection on both sides as soon as one of them ends. */
export interface Relay {
  /** The database's URL through it. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * @param pass is called for each connection, and passes on what comes; it may return what is to be called when an end of the
 * connection has closed
 */
export async function startRelay(
  databaseUrl: string,
  pass: (inbound: Socket, outbound: Socket) => (() => void) | undefined,
): Promise<Relay> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (inbound) => {
    const outbound = connectTo(target);
    const ended = pass(inbound, outbound);
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        ended?.();
        other.destroy();
      });
    }
  });
  return {
    url: await listenBefore(databaseUrl, server),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A connection to the server of a database's URL, on which small packets are not held back. */
export function connectTo({ hostname, port }: URL): Socket {
  return connect({ host: hostname, port: Number(port || 5432), noDelay: true });
}

/** Lets a server listen on a loopback address. Resolves to the database's URL through it. */
export async function listenBefore(databaseUrl: string, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return url.toString();
}
