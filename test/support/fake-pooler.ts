import { createServer, type Socket } from 'node:net';
import { connectTo } from './relay.js';

const BACKEND_KEY = Buffer.from([0x4b, 0, 0, 0, 12]);

/** A way to the server that makes up the numbers of backends, and is transparent otherwise, as the proxies of some hosts are. */
export async function startFakePooler(databaseUrl: string): Promise<{ url: string; close(): Promise<void> }> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (inbound) => {
    const outbound = connectTo(target);
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
    inbound.pipe(outbound);
    outbound.on('data', (chunk: Buffer) => {
      const key = chunk.indexOf(BACKEND_KEY);
      if (key >= 0) chunk.writeInt32BE(424_242, key + BACKEND_KEY.length);
      inbound.write(chunk);
    });
    outbound.on('end', () => inbound.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(databaseUrl);
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.toString(),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
