import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Recorder } from '../support/recorder.js';
import type { TestDatabase } from '../support/test-database.js';

/** A request as the receiver got it. */
export interface Received {
  readonly id: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What the receiver answers. `hang`: nothing. `reset`: it ends the connection. */
export type Answer =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | 'hang'
  | 'reset';

export interface Receiver {
  readonly url: string;
  readonly got: Recorder<Received>;
  close(): Promise<void>;
}

/** A receiver of webhooks on this machine. */
export async function startReceiver(
  answer: (request: Received) => Answer | Promise<Answer> = () => ({ status: 200 }),
): Promise<Receiver> {
  const got = new Recorder<Received>();
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      const received = {
        id: String(request.headers['webhook-id']),
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      got.record(received);
      const said = await answer(received);
      if (said === 'hang') return;
      if (said === 'reset') {
        request.socket.destroy();
        return;
      }
      response.writeHead(said.status, said.headers).end(said.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    got,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The network rules under which destinations of these tests may be on this machine. */
export const LOOPBACK = { allow: ['127.0.0.1/32'], http: true };

export interface StoredDelivery {
  readonly position: number;
  readonly status: string;
  readonly attempts: number;
  readonly tries: number;
  readonly lastStatus: number | null;
  readonly waits: boolean;
}

export async function storedDeliveries(database: TestDatabase, id: string): Promise<StoredDelivery[]> {
  const { rows } = await database.pool.query(
    `SELECT position::int, status, attempts, attempts - tries_from AS tries, last_status AS "lastStatus", due_at = 'infinity' AS waits
     FROM integration.webhook_delivery WHERE destination_id = $1 ORDER BY position`,
    [id],
  );
  return rows;
}

export async function attemptsOf(database: TestDatabase, id: string) {
  const { rows } = await database.pool.query(
    `SELECT position::int, attempt, status_code AS status, error, answer FROM integration.webhook_attempt WHERE destination_id = $1 ORDER BY position, attempt`,
    [id],
  );
  return rows;
}

export async function destinationState(database: TestDatabase, id: string) {
  const { rows } = await database.pool.query(
    `SELECT d.status, d.reason, t.failures, t.held, t.failing_since IS NOT NULL AS failing,
       round(extract(epoch FROM t.not_before - clock_timestamp()))::int AS "pauseSeconds"
     FROM integration.webhook_destination d JOIN integration.outgoing_target t ON t.kind = 'webhook' AND t.id = d.id WHERE d.id = $1`,
    [id],
  );
  return rows[0];
}

/** The names of the events about a destination, in their order. */
export async function eventsAbout(database: TestDatabase, id: string): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT event_name AS name FROM integration.outbox_event WHERE aggregate_type = 'webhook_destination' AND aggregate_id = $1 ORDER BY position`,
    [id],
  );
  return rows.map(({ name }) => name.replace('integration.webhook.', ''));
}
