import { benchEvent } from '../systems/bench-event.js';
import type { MeasuredSystem, Publisher, PublishRoute, SystemOptions } from '../systems/measured-system.js';
import { systemEntry } from '../systems/systems.js';
import type { CommitsRequest, CommitsResult, CompareRequest, CompareResult } from './child-protocol.js';
import { openPublishers } from './publish-load.js';
import { median } from './statistics.js';

const BLOCK = 50;

/**
 * The cost of publishing inside a transaction against a bare INSERT, in one process and database: blocks of one and
 * the other in turn, so that whatever else the machine does falls on both.
 */
export async function comparePublish(
  system: MeasuredSystem,
  options: SystemOptions,
  { route, rounds, transactions, warmUp }: CompareRequest,
): Promise<CompareResult[] | undefined> {
  const publisher = await system.openPublisher(route);
  if (publisher === undefined) return undefined;
  return beside(options, async (plain) => {
    const [bare] = await openPublishers(plain, route === 'prisma' ? 'prisma' : 'pg', 1);
    if (bare === undefined) throw new Error('no bare publisher');
    await timeBlock(bare, warmUp);
    await timeBlock(publisher, warmUp);
    const results: CompareResult[] = [];
    for (let round = 0; round < rounds; round++)
      results.push(await compareInBlocks(bare, publisher, transactions));
    await bare.close();
    await publisher.close();
    return results;
  });
}

async function compareInBlocks(
  bare: Publisher,
  publisher: Publisher,
  transactions: number,
): Promise<CompareResult> {
  const bareMs: number[] = [];
  const systemMs: number[] = [];
  for (let done = 0; done < transactions; done += BLOCK) {
    bareMs.push(await timeBlock(bare, BLOCK));
    systemMs.push(await timeBlock(publisher, BLOCK));
  }
  const ratios = systemMs.map((ms, i) => ms / (bareMs[i] as number));
  return { bareMs: median(bareMs), systemMs: median(systemMs), ratio: median(ratios) };
}

/** Commits a second of many writers at once, bare and published, in turn. */
export async function countCommits(
  system: MeasuredSystem,
  options: SystemOptions,
  { route, writers, seconds, rounds }: CommitsRequest,
): Promise<CommitsResult> {
  return beside(options, async (plain) => {
    const bare = await openWriters(plain, route === 'own' ? 'pg' : route, writers);
    const published = await openWriters(system, route, writers);
    for (const writing of [bare, published]) await commitsPerSecond(writing, seconds);
    const result: CommitsResult = { bare: [], system: [] };
    for (let round = 0; round < rounds; round++) {
      result.bare.push(await commitsPerSecond(bare, seconds));
      result.system.push(await commitsPerSecond(published, seconds));
    }
    await Promise.all([...new Set([...bare, ...published])].map((publisher) => publisher.close()));
    return result;
  });
}

/** A connection for each writer; those of one application share its Prisma client, and its engine. */
async function openWriters(
  system: MeasuredSystem,
  route: PublishRoute,
  writers: number,
): Promise<Publisher[]> {
  if (route === 'pg') return openPublishers(system, route, writers);
  const [shared] = await openPublishers(system, route, 1);
  return new Array(writers).fill(shared);
}

async function beside<R>(options: SystemOptions, use: (plain: MeasuredSystem) => Promise<R>): Promise<R> {
  const plain = await systemEntry('plain').open(options);
  try {
    await plain.install();
    return await use(plain);
  } finally {
    await plain.close();
  }
}

let nextEvent = 1;

/** Milliseconds a transaction. */
async function timeBlock(publisher: Publisher, count: number): Promise<number> {
  const startedAt = performance.now();
  for (let i = 0; i < count; i++) await publisher.publish(benchEvent(nextEvent++));
  return (performance.now() - startedAt) / count;
}

async function commitsPerSecond(publishers: Publisher[], seconds: number): Promise<number> {
  const startedAt = performance.now();
  const until = startedAt + seconds * 1e3;
  let commits = 0;
  await Promise.all(
    publishers.map(async (publisher) => {
      while (performance.now() < until) {
        await publisher.publish(benchEvent(nextEvent++));
        commits++;
      }
    }),
  );
  return commits / ((performance.now() - startedAt) / 1e3);
}
