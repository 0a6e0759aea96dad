import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { sleep } from './wait.js';

/** A way to the server on which single connections can fall silent without being closed, as a network does it. */
export interface TcpProxy {
  /** The database's URL through the proxy. */
  readonly url: string;
  /** The connections of this application name pass nothing on any more; resolves to how many there are. Later ones do. */
  silence(applicationName: string): number;
  /**
   * The same at the worst moment: with the next message from the client. The server gets it; the answer is lost. Resolves to how many
   * connections have fallen silent within `ms`.
   */
  silenceWhenAsked(applicationName: string, ms: number): Promise<number>;
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
  const named = (applicationName: string) =>
    [...pairs].filter(({ greeting }) => greeting.includes(`\0${applicationName}\0`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.toString(),
    silence: (applicationName) => {
      const chosen = named(applicationName);
      chosen.forEach(fallSilent);
      return chosen.length;
    },
    silenceWhenAsked: async (applicationName, ms) => {
      const asked = await Promise.all(
        named(applicationName).map(async (pair) => {
          const first = await Promise.race([once(pair.inbound, 'data'), sleep(ms)]);
          if (first !== undefined) fallSilent(pair);
          return first !== undefined;
        }),
      );
      return asked.filter(Boolean).length;
    },
    cut,
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function fallSilent({ inbound, outbound }: Pair): void {
  inbound.unpipe();
  outbound.unpipe();
}
