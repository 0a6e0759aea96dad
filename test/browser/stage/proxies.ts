import { createServer, request, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface WebProxy {
  /** Its origin. */
  readonly url: string;
  /** Ends every connection that a stream has come over, and refuses new streams until `mend`. */
  killStreams(): void;
  mend(): void;
  /** How many streams were asked for. */
  streams(): number;
  close(): Promise<void>;
}

/**
 * Stands before an application as a gateway does. Requests below `prefix` go on without it; others are not
 * its own, and it answers 404.
 */
export async function startWebProxy(target: string, prefix = ''): Promise<WebProxy> {
  const open = new Set<Socket>();
  let broken = false;
  let asked = 0;
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/';
    if (!path.startsWith(`${prefix}/`)) return void outgoing.writeHead(404).end('not behind this gateway');
    const isStream = /\/stream(?:\?|$)/.test(path);
    if (isStream) {
      asked++;
      if (broken) return void outgoing.destroy();
      const { socket } = incoming;
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    }
    const onward = request(
      new URL(target + path.slice(prefix.length)),
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        answer.on('error', () => outgoing.destroy());
      },
    );
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    killStreams: () => {
      broken = true;
      for (const socket of open) socket.destroy();
    },
    mend: () => {
      broken = false;
    },
    streams: () => asked,
    close: () => closed(server),
  };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
