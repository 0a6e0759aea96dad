import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ActivityFeed, type Payload, startActivityFeed, wire } from './activity-feed-app.js';
import { onConnections, type RawAnswer } from './raw-http.js';
import { storedEvents, storedRows } from './webhook-app.js';

/** They take some seconds of a processor; a busy machine may have little time for them. */
const MANY_REQUESTS_MS = 300_000;

let feed: ActivityFeed;

beforeAll(async () => {
  feed = await startActivityFeed();
});
afterAll(async () => {
  await feed?.close();
});

async function sendAll(): Promise<Map<Payload, RawAnswer>> {
  const answers = new Map<Payload, RawAnswer>();
  await onConnections(feed.port, feed.payloads, async (connection, payload) => {
    answers.set(payload, await connection.send(wire(payload, Buffer.from(payload.text), payload.signature)));
  });
  return answers;
}

const statusesOf = (answers: Map<Payload, RawAnswer>) => [
  ...new Set([...answers.values()].map(({ status, text }) => `${status} ${JSON.parse(text).status}`)),
];

it(
  'accepts each of the 329 once, with the payload as it was sent, and publishes nothing for repetitions',
  async () => {
    const first = await sendAll();
    expect(statusesOf(first)).toEqual(['200 accepted']);
    const expected = { events: 329, receipts: 329, bodies: expect.any(Number) };
    expect(await storedRows(feed.database)).toEqual(expected);

    const stored = new Map((await storedEvents(feed.database)).map((event) => [event.id, event]));
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
    expect(await storedRows(feed.database)).toEqual(expected);
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
