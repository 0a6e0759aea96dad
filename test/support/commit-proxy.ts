import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { textsOf, wireMessages } from './wire-messages.js';

/** A way to the server that can lose the answer to a COMMIT, which the server has carried out. */
export interface CommitProxy {
  /** The database's URL through it. */
  readonly url: string;
  /**
   * The next transaction with a statement that contains `text` is committed, and its client never hears of it:
   * its connection ends instead. Resolves when that has happened.
   */
  loseCommitOf(text: string): Promise<void>;
  close(): Promise<void>;
}

interface Losing {
  readonly text: string;
  readonly lost: () => void;
}

export async function startCommitProxy(databaseUrl: string): Promise<CommitProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const losing = new Set<Losing>();
  const server = createServer((inbound) => {
    const outbound = connect(Number(target.port || 5432), target.hostname);
    const prepared = new Map<string, string>();
    /** The statements of the transaction that is open. */
    let said: string[] = [];
    let lost: Losing | undefined;
    const say = (sql: string) => {
      said.push(sql);
      if (!/^\s*COMMIT/i.test(sql)) return;
      lost ??= [...losing].find(({ text }) => said.some((each) => each.includes(text)));
      if (lost !== undefined) losing.delete(lost);
      said = [];
    };
    const asked = wireMessages(false, (type, body) => {
      const [first = '', second = ''] = textsOf(body);
      if (type === 'Q') say(first);
      if (type === 'P') prepared.set(first, second);
      if (type === 'B') say(prepared.get(second) ?? '');
    });
    const answered = wireMessages(true, (type, body) => {
      if (lost === undefined || type !== 'C' || textsOf(body)[0] !== 'COMMIT') return;
      inbound.destroy();
      lost.lost();
    });
    inbound.on('data', (data) => {
      asked(data);
      outbound.write(data);
    });
    outbound.on('data', (data) => {
      answered(data);
      if (lost === undefined) inbound.write(data);
    });
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.toString(),
    loseCommitOf: (text) => new Promise((lost) => losing.add({ text, lost })),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
