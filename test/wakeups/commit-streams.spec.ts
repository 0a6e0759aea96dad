import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom } from 'rxjs';
import type { PrismaClient } from '../generated/prisma/client.js';
import { Ear } from '../support/ear.js';
import { type OutboxRoom, openOutbox } from '../support/outbox-room.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const EVENT = {
  eventName: 'invoice.created',
  sourceModule: 'finance',
  aggregateType: 'invoice',
  aggregateId: 'i-1',
};
/** A stream rests for so long after it was announced. */
const ANNOUNCED_REST_MS = 100;
/** A busy machine may come too late to what is tried, so it is tried so often. */
const MOST_TRIES = 20;

let database: TestDatabase;
let prisma: PrismaClient;
let rooms: OutboxRoom[] = [];
let streams: Stream[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  prisma = database.prisma();
});
afterEach(async () => {
  await Promise.all(streams.map((stream) => stream.stop()));
  streams = [];
  await Promise.all(rooms.map((room) => room.close()));
  rooms = [];
});
afterAll(() => database?.drop());

function openRoom(client?: PrismaClient): OutboxRoom {
  const room = openOutbox({ url: database.url, ...(client === undefined ? {} : { client }) });
  rooms.push(room);
  return room;
}

interface Stream {
  stop(): Promise<void>;
}

/** One transaction after another, until stopped. */
function inStream(publish: () => Promise<unknown>): Stream {
  let stopped = false;
  const publishing = (async () => {
    while (!stopped) await publish();
  })();
  const stream = {
    stop: () => {
      stopped = true;
      return publishing;
    },
  };
  streams.push(stream);
  return stream;
}

describe('a stream of commits', () => {
  let ear: Ear;
  let other: OutboxRoom;
  beforeEach(async () => {
    ear = await Ear.open(database.url);
    other = openRoom();
    await other.listener.start();
  });
  afterEach(() => ear.close());

  it('of the host’s own transactions is announced, and everybody reads on until it is over', async () => {
    const room = openRoom(prisma);
    const publish = (eventName: string) =>
      prisma.$transaction((tx) =>
        room.publisher.publishEvent({ ...EVENT, eventName }, { persistenceClient: tx }),
      );
    const stream = inStream(() => publish('invoice.created'));
    // A message for each of the wake-ups would be 24, and one each 100 ms are 3.
    let messagesNeeded = 24;
    for (let i = 0; i < MOST_TRIES && messagesNeeded >= 12; i++) {
      await ear.next(' stream');
      const messages = ear.count;
      const wakeups = other.wakeups.length;
      await until('wake-ups of the other process', async () => other.wakeups.length >= wakeups + 24);
      messagesNeeded = ear.count - messages;
    }
    expect(messagesNeeded).toBeLessThan(12);
    await stream.stop();
    await until('all commits found', async () => room.prober.size === 0);
  });

  it('wakes for a name that comes for the first time without waiting for the next look', async () => {
    const room = openRoom(prisma);
    const publish = (eventName: string) =>
      prisma.$transaction((tx) =>
        room.publisher.publishEvent({ ...EVENT, eventName }, { persistenceClient: tx }),
      );
    let looks = 0;
    const look = room.store.announceVisible.bind(room.store);
    room.store.announceVisible = (...input) => {
      looks++;
      return look(...input);
    };
    inStream(() => publish('invoice.created'));
    const looksAwaited: number[] = [];
    while (looksAwaited.length < MOST_TRIES && !looksAwaited.includes(0)) {
      await ear.next(' stream');
      const name = `rare-${looksAwaited.length}`;
      const before = looks;
      const woken = firstValueFrom(
        room.notifier.wakeups$.pipe(filter(({ eventNames }) => eventNames?.includes(name) === true)),
      );
      await publish(name);
      await woken;
      looksAwaited.push(looks - before);
    }
    expect(looksAwaited).toContain(0);
  });

  it('through us is announced, and what concerns the inbox is told meanwhile', async () => {
    const room = openRoom();
    room.broadcaster.start();
    const stream = inStream(() =>
      room.transactions.run((tx) => room.publisher.publishEvent(EVENT, { persistenceClient: tx })),
    );
    const waits: number[] = [];
    while (waits.length < MOST_TRIES && Math.min(...waits) >= ANNOUNCED_REST_MS / 2) {
      await ear.next(' stream');
      const startedAt = performance.now();
      const told = ear.next(' inbox');
      room.notifier.notify();
      await told;
      waits.push(performance.now() - startedAt);
    }
    await stream.stop();
    expect(Math.min(...waits)).toBeLessThan(ANNOUNCED_REST_MS / 2);
    await until('told of the inbox', async () =>
      other.wakeups.some(({ concernsInbox }) => concernsInbox === true),
    );
  });
});
