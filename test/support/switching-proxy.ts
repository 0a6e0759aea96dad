import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

interface Connection {
  readonly application: string;
  readonly port: number;
  readonly inbound: Socket;
}

/** A way to one of several servers, as a name or an address that moves from one to another. */
export interface SwitchingProxy {
  /** The database's URL through it. */
  readonly url: string;
  /** Later connections go to the server of this URL; those that exist stay where they are. */
  switchTo(databaseUrl: string): void;
  /** Ends the open connections of this application, or `count` of them. */
  cut(application: string, count?: number): void;
  /** The applications whose connections are open, to the server of this URL. */
  openTo(databaseUrl: string): string[];
  close(): Promise<void>;
}

export async function startSwitchingProxy(databaseUrl: string): Promise<SwitchingProxy> {
  const connections = new Set<Connection>();
  let port = portOf(databaseUrl);
  const server = createServer({ noDelay: true }, (inbound) => {
    const target = port;
    inbound.on('error', () => {});
    inbound.once('data', (startup) => {
      const [, application = ''] = /application_name\0([^\0]*)\0/.exec(startup.toString('latin1')) ?? [];
      const connection = { application, port: target, inbound };
      const outbound = connect({ port: target, host: '127.0.0.1', noDelay: true });
      connections.add(connection);
      outbound.write(startup);
      inbound.pipe(outbound);
      outbound.pipe(inbound);
      outbound.on('error', () => inbound.destroy());
      outbound.on('close', () => inbound.destroy());
      inbound.on('close', () => {
        connections.delete(connection);
        outbound.destroy();
      });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  const address = server.address();
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.toString(),
    switchTo: (other) => {
      port = portOf(other);
    },
    cut: (application, count = Number.POSITIVE_INFINITY) => {
      const theirs = [...connections].filter((each) => each.application === application);
      for (const { inbound } of theirs.slice(0, count)) inbound.destroy();
    },
    openTo: (other) =>
      [...connections].filter((each) => each.port === portOf(other)).map((each) => each.application),
    close: async () => {
      for (const { inbound } of connections) inbound.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function portOf(databaseUrl: string): number {
  return Number(new URL(databaseUrl).port || 5432);
}
