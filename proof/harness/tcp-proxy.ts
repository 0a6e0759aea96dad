import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { sleep } from './wait.js';

/** A way to the server on which single connections can fall silent without being closed, as a network does it. */
export interface TcpProxy {
  /** The database's URL through the proxy. */
  readonly url: string;
  /**
   * The connections of this application name pass nothing on any more, from the next word on that the server says unasked: nobody waits for an
   * answer there. Later connections do. Resolves to how many have fallen silent within `ms`.
   */
  silenceWhenTold(applicationName: string, ms: number): Promise<number>;
  /** The same at the worst moment: with the next message from the client. The server gets it; the answer is lost. */
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
  /** The server has not said yet that it is ready for the next message. */
  isAsked: boolean;
  /** Takes what the server says unasked, in the client's place. */
  onTold: (() => void) | undefined;
}

/** At the end of every answer: `Z`, its length, and one byte that tells of the transaction. */
const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5]);

export async function startTcpProxy(databaseUrl: string): Promise<TcpProxy> {
  const target = new URL(databaseUrl);
  const pairs = new Set<Pair>();
  const server = createServer((inbound) => {
    const outbound = connect(Number(target.port || 5432), target.hostname);
    const pair: Pair = { inbound, outbound, greeting: '', isAsked: true, onTold: undefined };
    pairs.add(pair);
    inbound.once('data', (bytes) => {
      pair.greeting = bytes.toString('latin1');
    });
    inbound.on('data', (bytes) => {
      pair.isAsked = true;
      outbound.write(bytes);
    });
    outbound.on('data', (bytes) => {
      if (!pair.isAsked && pair.onTold !== undefined) {
        pair.onTold();
        return;
      }
      inbound.write(bytes);
      if (bytes.subarray(-6, -1).equals(READY_FOR_QUERY)) pair.isAsked = false;
    });
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      socket.on('end', () => other.end());
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
    silenceWhenTold: (applicationName, ms) =>
      silenceWhen(named(applicationName), ms, (pair) => {
        return new Promise<void>((resolve) => {
          pair.onTold = resolve;
        });
      }),
    silenceWhenAsked: (applicationName, ms) =>
      silenceWhen(named(applicationName), ms, (pair) => once(pair.inbound, 'data')),
    cut,
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** `moment` resolves before anything else can pass. How many it came to. */
async function silenceWhen(
  pairs: readonly Pair[],
  ms: number,
  moment: (pair: Pair) => Promise<unknown>,
): Promise<number> {
  const silent = await Promise.all(
    pairs.map(async (pair) => {
      const cameInTime = await Promise.race([moment(pair).then(() => true), sleep(ms).then(() => false)]);
      pair.onTold = undefined;
      if (!cameInTime) return false;
      pair.inbound.removeAllListeners('data').pause();
      pair.outbound.removeAllListeners('data').pause();
      return true;
    }),
  );
  return silent.filter(Boolean).length;
}
