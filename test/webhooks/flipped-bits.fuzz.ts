import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { seededRandom } from '../support/random.js';
import { type ActivityFeed, type Payload, startActivityFeed, wire } from './activity-feed-app.js';
import { onConnections } from './raw-http.js';
import { storedRows } from './webhook-app.js';

/** One bit of a delivery that is another one. */
interface Changed {
  readonly payload: Payload;
  readonly of: 'body' | 'signature';
  readonly byte: number;
  readonly bit: number;
}

/** They take half a minute of a processor; a busy machine may have little time for them. */
const MANY_REQUESTS_MS = 300_000;
const CHANGED_BYTES_OF_BODY = 8;

let feed: ActivityFeed;

beforeAll(async () => {
  feed = await startActivityFeed();
});
afterAll(async () => {
  await feed?.close();
});

function flipped(bytes: Buffer, { byte, bit }: Changed): Buffer {
  const copy = Buffer.from(bytes);
  copy[byte] = (copy[byte] ?? 0) ^ (1 << bit);
  return copy;
}

/** Each byte of each signature, some bytes of each body, and every byte of the shortest body. */
function* changes(): Generator<Changed> {
  const { payloads } = feed;
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
    expect(feed.payloads.length).toBe(329);
    const notRefused: string[] = [];
    let sent = 0;
    await onConnections(feed.port, changes(), async (connection, changed) => {
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
    expect(await storedRows(feed.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
  },
  MANY_REQUESTS_MS,
);
