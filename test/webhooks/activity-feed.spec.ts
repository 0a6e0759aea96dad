import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { INestApplication, NestApplicationOptions } from '@nestjs/common';
import { sign } from '@octokit/webhooks-methods';
import { seededRandom } from '../support/random.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { onConnections, type RawAnswer, requestBytes } from './raw-http.js';
import { SECRET, storedEvents, storedRows } from './webhook-app.js';

/** The compiler must not follow this import: the example types events of its own. */
const APPLICATION: string = '../../examples/activity-feed/src/application.js';

interface Payload {
  readonly id: string;
  readonly event: string;
  readonly text: string;
  readonly signature: string;
}

/** One bit of a delivery that is another one. */
interface Changed {
  readonly payload: Payload;
  readonly of: 'body' | 'signature';
  readonly byte: number;
  readonly bit: number;
}

/** They take six seconds of a processor; a busy machine may have little time for them. */
const MANY_REQUESTS_MS = 300_000;
const CHANGED_BYTES_OF_BODY = 8;

let database: TestDatabase;
let app: INestApplication;
let port: number;
let payloads: Payload[];

beforeAll(async () => {
  database = await createTestDatabase();
  Object.assign(process.env, {
    DATABASE_URL: database.url,
    NOTIFICATIONS_URL: 'http://127.0.0.1:9',
    GITHUB_WEBHOOK_SECRET: SECRET,
    PROCESS_ROLE: 'publisher',
  });
  const { createApplication } = (await import(APPLICATION)) as {
    createApplication(options: NestApplicationOptions): Promise<INestApplication>;
  };
  app = await createApplication({ logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  port = (app.getHttpServer().address() as AddressInfo).port;
  payloads = await signedPayloads();
});
afterAll(async () => {
  await app?.close();
  await database?.drop();
});

async function signedPayloads(): Promise<Payload[]> {
  const collected = createRequire(import.meta.url)('@octokit/webhooks-examples') as {
    name: string;
    examples: object[];
  }[];
  const all = collected.flatMap(({ name, examples }) => examples.map((body) => ({ name, body })));
  return Promise.all(
    all.map(async ({ name, body }, place) => {
      const text = JSON.stringify(body);
      const id = `00000000-0000-4000-8000-${String(place).padStart(12, '0')}`;
      return { id, event: name, text, signature: await sign(SECRET, text) };
    }),
  );
}

function wire({ id, event }: Payload, body: Buffer, signature: string): Buffer {
  const headers: [string, string][] = [
    ['Host', '127.0.0.1'],
    ['Content-Type', 'application/json'],
    ['X-GitHub-Event', event],
    ['X-GitHub-Delivery', id],
    ['X-Hub-Signature-256', signature],
    ['Content-Length', String(body.length)],
  ];
  return requestBytes('POST /webhooks/github HTTP/1.1', headers, body);
}

async function sendAll(): Promise<Map<Payload, RawAnswer>> {
  const answers = new Map<Payload, RawAnswer>();
  await onConnections(port, payloads, async (connection, payload) => {
    answers.set(payload, await connection.send(wire(payload, Buffer.from(payload.text), payload.signature)));
  });
  return answers;
}

const statusesOf = (answers: Map<Payload, RawAnswer>) => [
  ...new Set([...answers.values()].map(({ status, text }) => `${status} ${JSON.parse(text).status}`)),
];

function flipped(bytes: Buffer, { byte, bit }: Changed): Buffer {
  const copy = Buffer.from(bytes);
  copy[byte] = (copy[byte] ?? 0) ^ (1 << bit);
  return copy;
}

/** Each byte of each signature, some bytes of each body, and every byte of the shortest body. */
function* changes(): Generator<Changed> {
  const random = seededRandom(329);
  const shortest = payloads.reduce((a, b) => (b.text.length < a.text.length ? b : a));
  for (const payload of payloads) {
    for (let byte = 0; byte < payload.signature.length; byte++)
      yield { payload, of: 'signature', byte, bit: random.int(8) };
    const length = Buffer.byteLength(payload.text);
    for (let n = 0; n < CHANGED_BYTES_OF_BODY; n++)
      yield { payload, of: 'body', byte: random.int(length), bit: random.int(8) };
  }
  for (let byte = 0; byte < Buffer.byteLength(shortest.text); byte++)
    yield { payload: shortest, of: 'body', byte, bit: random.int(8) };
  for (let byte = 0; byte < shortest.signature.length; byte++)
    for (let bit = 0; bit < 8; bit++) yield { payload: shortest, of: 'signature', byte, bit };
}

it(
  'refuses each of the 329 payloads of GitHub with one other bit, wherever it is, and stores nothing',
  async () => {
    expect(payloads.length).toBe(329);
    const notRefused: string[] = [];
    let sent = 0;
    await onConnections(port, changes(), async (connection, changed) => {
      const { payload, of, byte, bit } = changed;
      const body = Buffer.from(payload.text);
      const signature =
        of === 'signature'
          ? flipped(Buffer.from(payload.signature), changed).toString('latin1')
          : payload.signature;
      // Hex in capital letters is the same signature.
      if (of === 'signature' && signature.toLowerCase() === payload.signature.toLowerCase()) return;
      const bytes = wire(payload, of === 'body' ? flipped(body, changed) : body, signature);
      const { status } = await connection.send(bytes);
      sent++;
      // The server itself refuses with 400 what no header may hold.
      if (status !== 401 && status !== 400)
        notRefused.push(`${payload.event} ${of} ${byte}:${bit}: ${status}`);
    });
    expect(notRefused).toEqual([]);
    expect(sent).toBeGreaterThan(329 * (71 + CHANGED_BYTES_OF_BODY));
    expect(await storedRows(database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
  },
  MANY_REQUESTS_MS,
);

it(
  'accepts each of the 329 once, with the payload as it was sent, and publishes nothing for repetitions',
  async () => {
    const first = await sendAll();
    expect(statusesOf(first)).toEqual(['200 accepted']);
    const expected = { events: 329, receipts: 329, bodies: expect.any(Number) };
    expect(await storedRows(database)).toEqual(expected);

    const stored = new Map((await storedEvents(database)).map((event) => [event.id, event]));
    const wrong = [...first].filter(([{ event: kind, id, text }, answer]) => {
      const { outboxEventId } = JSON.parse(answer.text) as { outboxEventId: string };
      const body = JSON.parse(text) as { action?: string };
      const name =
        body.action === undefined ? `webhook.github.${kind}` : `webhook.github.${kind}.${body.action}`;
      const event = stored.get(outboxEventId);
      return !(
        event?.name === name &&
        event.metadata.webhook.deliveryId === id &&
        isEqual(event.payload, body)
      );
    });
    expect(wrong).toEqual([]);

    for (let again = 0; again < 2; again++) expect(statusesOf(await sendAll())).toEqual(['200 repeated']);
    expect(await storedRows(database)).toEqual(expected);
  },
  MANY_REQUESTS_MS,
);

function isEqual(one: unknown, other: unknown): boolean {
  try {
    expect(one).toEqual(other);
    return true;
  } catch {
    return false;
  }
}
