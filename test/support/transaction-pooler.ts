import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import pg from 'pg';

/** What a client is told when it connects: that it may, an invented number of its backend, and that it may ask. */
const WELCOME = Buffer.concat([
  message('R', Buffer.from([0, 0, 0, 0])),
  message('S', Buffer.from('server_version\0' + '18.4\0')),
  message('K', Buffer.from([0, 6, 121, 82, 0, 0, 0, 1])),
  message('Z', Buffer.from('I')),
]);
/** Of the messages of a server: that it is ready, outside of a transaction. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');

/**
 * A pooler that lends sessions of the server by transaction, as PgBouncer does by default: the one that was given back last is lent first. What a
 * session that nobody has says (notifications) nobody hears.
 */
export async function startTransactionPooler(
  databaseUrl: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const sessions = new Set<Socket>();
  const free: Socket[] = [];
  const clients = new Set<Socket>();
  const server = createServer({ noDelay: true }, (inbound) => {
    clients.add(inbound);
    let session: Socket | undefined;
    let waiting: Buffer[] = [];
    let isBorrowing = false;
    const giveBack = (lent: Socket) => {
      lent.removeAllListeners('data');
      lent.resume();
      free.push(lent);
      session = undefined;
    };
    const borrow = async () => {
      isBorrowing = true;
      const lent = free.pop() ?? (await open(databaseUrl, sessions));
      isBorrowing = false;
      session = lent;
      lent.on('data', (answer: Buffer) => {
        inbound.write(answer);
        if (answer.subarray(-READY.length).equals(READY)) giveBack(lent);
      });
      lent.write(Buffer.concat(waiting));
      waiting = [];
    };
    inbound.on('error', () => {});
    inbound.on('close', () => clients.delete(inbound));
    inbound.once('data', () => {
      inbound.write(WELCOME);
      inbound.on('data', (asked) => {
        if (asked[0] === 'X'.charCodeAt(0)) return void inbound.end();
        if (session !== undefined) return void session.write(asked);
        waiting.push(asked);
        if (!isBorrowing) void borrow();
      });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = new URL(databaseUrl);
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.toString(),
    close: async () => {
      for (const client of clients) client.destroy();
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A session of the server whose socket is free for anybody. */
async function open(databaseUrl: string, sessions: Set<Socket>): Promise<Socket> {
  const stream = new Socket();
  const client = new pg.Client({ connectionString: databaseUrl, stream: () => stream });
  client.on('error', () => {});
  await client.connect();
  sessions.add(stream);
  stream.removeAllListeners('data');
  stream.resume();
  return stream;
}

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 0, 'latin1');
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}
