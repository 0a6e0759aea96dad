import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const BODY_LINES = Array.from({ length: 5 }, (_, n) => ({ article: `a-${n}`, count: n, cents: 100 * n }));
/** The data of an event: about 400 bytes. */
export const DATA = JSON.stringify({ total: 1_000, currency: 'EUR', lines: BODY_LINES });
const SECRET = Buffer.from('a secret of the benchmark of 32b');

const dist = join(dirname(createRequire(import.meta.url).resolve('nestjs-integration/package.json')), 'dist');

const load = (file: string) => import(pathToFileURL(join(dist, file)).href);

/** The way out of the package, which has no public name. */
export async function openClient() {
  const [{ OutgoingHttp }, { checkNetworkRules }] = await Promise.all([
    load('http/outgoing-http.js'),
    load('http/network-rules.js'),
  ]);
  return new OutgoingHttp(checkNetworkRules(NETWORK)) as {
    sendRequest(request: object): Promise<{ is: string; status?: number }>;
    close(): void;
  };
}

/** The statements of a sender, which have no public names, run by `query`. */
export async function openStores(query: (sql: string, values: readonly unknown[]) => Promise<object[]>) {
  const [{ tablesOf }, { ENGINE_SESSION }, { LaneRoundStore }, { SendingStore }] = await Promise.all([
    load('database/sql/tables.js'),
    load('database/sql/session-settings.store.js'),
    load('lanes/lane-round.store.js'),
    load('webhooks/outgoing/sender/sending.store.js'),
  ]);
  const session = { tables: tablesOf('integration'), query };
  return {
    session,
    settings: ENGINE_SESSION as string,
    rounds: new LaneRoundStore(session),
    sending: new SendingStore(session),
  };
}

export const NETWORK = { allow: ['127.0.0.1/32'], http: true };

/** A request as the package signs it, by somebody who writes that by hand. */
export function signed() {
  const id = randomUUID();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const body = `{"type":"invoice.created","timestamp":"${new Date().toISOString()}","data":${DATA}}`;
  const signature = createHmac('sha256', SECRET).update(`${id}.${timestamp}.${body}`).digest('base64');
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
  return { body, headers };
}

/** node:http with connections that are kept, and nothing else. */
export class BareClient {
  private readonly agent = new Agent({ keepAlive: true, maxFreeSockets: 1_000 });

  send(url: string): Promise<void> {
    const { body, headers } = signed();
    return new Promise((resolve, reject) => {
      const sent = request(
        url,
        { agent: this.agent, method: 'POST', headers: { ...headers, 'content-length': String(body.length) } },
        (response) => {
          response.resume();
          response.on('end', resolve);
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** Makes `count` calls, at most `most` at a time. */
export async function atOnce(count: number, most: number, call: () => Promise<unknown>): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: most }, worker));
}
