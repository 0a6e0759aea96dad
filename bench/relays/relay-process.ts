// The process with a relay and a source: a Nest application with the package and its shipped settings.
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DomainEventInput,
  IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSettingsService,
  OutboxProcessor,
} from 'nestjs-integration';
import { RelaysModule } from 'nestjs-integration/relay';
import pg from 'pg';
import { answering, measured } from '../outgoing/asked-process.js';
import { atOnce } from '../outgoing/clients.js';
import { type BrokerClient, type ByHand, byHand, SOURCE, type Taken } from './broker-client.js';
import { openKafka } from './kafka-client.js';
import { openNats } from './nats-client.js';
import { type BrokerName, CONCURRENCY, PULL, type RelayCommands, UNCOUNTED } from './protocol.js';
import { openRabbit } from './rabbit-client.js';
import { CREATE_TAKEN, INSERT_TAKEN, LAST_IN_LOG } from './relays.store.js';

const LONGEST_MS = 120_000;
const OPEN: Readonly<Record<BrokerName, (address: string) => Promise<BrokerClient>>> = {
  nats: openNats,
  rabbitmq: openRabbit,
  kafka: openKafka,
};

const url = process.env.RELAY_DATABASE_URL ?? '';
const broker = await OPEN[process.env.RELAY_BROKER as BrokerName](process.env.RELAY_ADDRESS ?? '');
const pool = new pg.Pool({ connectionString: url, max: 2 });
pool.on('error', () => {});

@Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: url,
      migrations: 'run',
      role: 'all',
      settings: { 'processor.enabled': false },
    }),
    RelaysModule.forRoot(
      process.env.RELAY_ONLY === 'source' && broker.source !== undefined
        ? { sources: [broker.source] }
        : { relays: [broker.relay], source: SOURCE },
    ),
  ],
})
class RelayModule {}

const app = await NestFactory.createApplicationContext(RelayModule, { logger: ['error'] });
const settings = app.get(IntegrationSettingsService);
const api = app.get(IntegrationDeveloperApiService);
await pool.query(CREATE_TAKEN);
let sent = 0;

function messages(count: number) {
  return Array.from({ length: count }, () => byHand(sent++, randomUUID()));
}

function send(count: number, inFlight: number): Promise<void> {
  return atOnce(Math.ceil(count / broker.atOnce), inFlight, () => broker.send(messages(broker.atOnce)));
}

/** From the moment at which a fifth was taken to the last one. */
async function timed(count: number, run: (taken: (all: number) => void) => Promise<void>): Promise<number> {
  let from: number | undefined;
  let to: number | undefined;
  let counted = count;
  await run((all) => {
    if (from === undefined && all >= count * UNCOUNTED) {
      from = performance.now();
      counted = count - all;
    }
    if (all >= count) to ??= performance.now();
  });
  if (from === undefined || to === undefined || counted <= 0) throw new Error('too few messages were taken');
  return ((to - from) * count * (1 - UNCOUNTED)) / counted;
}

async function inLog(): Promise<number> {
  return Number((await pool.query(LAST_IN_LOG)).rows[0].last);
}

async function store(pull: readonly Taken[]): Promise<void> {
  const column = (name: keyof Taken) => pull.map((each) => each[name]);
  const aggregates = pull.map(({ subject }) => subject.split('/').map(decodeURIComponent));
  const of = (part: 0 | 1) => aggregates.map((aggregate) => aggregate[part]);
  await pool.query(INSERT_TAKEN, [
    ...(['id', 'source', 'type'] as const).map(column),
    of(0),
    of(1),
    column('version'),
    column('data'),
  ]);
}

/** What a source makes of a message. */
function eventOf({ id, type, key, data }: ByHand): DomainEventInput {
  const [aggregateType = '', aggregateId = ''] = key.split('/');
  return {
    eventName: type,
    sourceModule: 'bench',
    aggregateType,
    aggregateId,
    payload: JSON.parse(data),
    metadata: {},
    deduplicationKey: `relay/bench/${createHash('sha256').update(id).digest('hex')}`,
  };
}

answering<RelayCommands>(
  {
    relay: () => measured(() => app.get(OutboxProcessor).drain({ timeoutMs: LONGEST_MS })),
    client: ({ count }) => measured(() => send(count, CONCURRENCY)),
    fill: async ({ count }) => {
      await send(count, CONCURRENCY);
      return undefined;
    },
    source: async ({ count }) => {
      const before = await inLog();
      await settings.set('processor.enabled', true);
      const ms = await timed(count, async (taken) => {
        for (let all = 0; all < count; ) {
          await delay(10);
          all = (await inLog()) - before;
          taken(all);
        }
      });
      await settings.set('processor.enabled', false);
      return ms;
    },
    loop: ({ count }) =>
      timed(count, async (taken) => {
        let all = 0;
        await broker.loop(async (pull) => {
          if (pull.length > 0) await store(pull);
          all += pull.length;
          taken(all);
          return { enough: all >= count };
        });
      }),
    publish: ({ count }) =>
      timed(count, async (taken) => {
        for (let all = 0; all < count; taken(all)) {
          await api.publishEvents(messages(PULL).map(eventOf));
          all += PULL;
        }
      }),
    purge: async () => {
      await broker.purge();
      return undefined;
    },
    heap: async () => {
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    },
  },
  async () => {
    await app.close();
    await pool.end();
    await broker.close();
  },
);
