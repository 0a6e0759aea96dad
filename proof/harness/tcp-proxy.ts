import { connect, createServer, type Socket } from 'node:net';

/** A way to the server on which single connections can fall silent without being closed, as a network does it. */
export interface TcpProxy {
  /** The database's URL through the proxy. */
  readonly url: string;
  /** The connections of this application name pass nothing on any more; resolves to how many there are. Later ones do. */
  silence(applicationName: string): number;
  /** Every connection that exists now ends; later ones are served. */
  cut(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly inbound: Socket;
  readonly outbound: Socket;
  /** The client's first words, which name its application. */
  greeting: string;
}

export async function startTcpProxy(databaseUrl: string): Promise<TcpProxy> {
  const target = new URL(databaseUrl);
  const pairs = new Set<Pair>();
  const server = createServer((inbound) => {
    const outbound = connect(Number(target.port || 5432), target.hostname);
    const pair: Pair = { inbound, outbound, greeting: '' };
    pairs.add(pair);
    inbound.once('data', (bytes) => {
      pair.greeting = bytes.toString('latin1');
    });
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
  });
  const cut = () => {
    for (const { inbound, outbound } of pairs) {
      inbound.destroy();
      outbound.destroy();
    }
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.toString(),
    silence: (applicationName) => {
      const chosen = [...pairs].filter(({ greeting }) => greeting.includes(`\0${applicationName}\0`));
      for (const { inbound, outbound } of chosen) {
        inbound.unpipe();
        outbound.unpipe();
      }
      return chosen.length;
    },
    cut,
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
