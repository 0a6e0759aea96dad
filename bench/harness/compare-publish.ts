import { benchEvent } from '../systems/bench-event.js';
import type {
  MeasuredSystem,
  Publisher,
  PublishRoute,
  SystemOptions,
  Write,
} from '../systems/measured-system.js';
import { systemEntry } from '../systems/systems.js';
import type { CommitsRequest, CommitsResult, CompareRequest, CompareResult } from './child-protocol.js';
import { openPublishers } from './publish-load.js';
import { median } from './statistics.js';

const BLOCK = 50;

/**
 * The cost of publishing inside a transaction against a bare INSERT, in one process and database and through one connection: blocks of
 * one and the other in turn, so that whatever else the machine does falls on both.
 */
export async function comparePublish(
  system: MeasuredSystem,
  options: SystemOptions,
  { route, rounds, transactions, warmUp, warmUpSeconds }: CompareRequest,
): Promise<CompareResult[] | undefined> {
  const publisher = await system.openPublisher(route);
  if (publisher === undefined) return undefined;
  return withBareWrites(options, [publisher], async ([bare]) => {
    for (const write of [bare, publisher.publish]) await warm(write, warmUp, warmUpSeconds);
    const results: CompareResult[] = [];
    for (let round = 0; round < rounds; round++)
      results.push(await compareInBlocks(bare, publisher.publish, transactions));
    await publisher.close();
    return results;
  });
}

async function warm(write: Write, count: number, seconds: number): Promise<void> {
  const until = performance.now() + seconds * 1e3;
  for (let done = 0; done < count && performance.now() < until; done += BLOCK) await timeBlock(write, BLOCK);
}

async function compareInBlocks(bare: Write, publish: Write, transactions: number): Promise<CompareResult> {
  const bareMs: number[] = [];
  const systemMs: number[] = [];
  for (let done = 0; done < transactions; done += BLOCK) {
    bareMs.push(await timeBlock(bare, BLOCK));
    systemMs.push(await timeBlock(publish, BLOCK));
  }
  const ratios = systemMs.map((ms, i) => ms / (bareMs[i] as number));
  return { bareMs: median(bareMs), systemMs: median(systemMs), ratio: median(ratios) };
}

/** Commits a second of many writers at once, bare and published, in turn. */
export async function countCommits(
  system: MeasuredSystem,
  options: SystemOptions,
  { route, writers, warmUpSeconds, turnSeconds, turns }: CommitsRequest,
): Promise<CommitsResult> {
  const publishers = await openWriters(system, route, writers);
  return withBareWrites(options, publishers, async (bare) => {
    const published = publishers.map(({ publish }) => publish);
    for (const writes of [bare, published]) await commitFor(warmUpSeconds, writes);
    const sums = { bare: { commits: 0, seconds: 0 }, system: { commits: 0, seconds: 0 } };
    for (let turn = 0; turn < turns; turn++) {
      addTo(sums.bare, await commitFor(turnSeconds, bare));
      addTo(sums.system, await commitFor(turnSeconds, published));
    }
    await Promise.all([...new Set(publishers)].map((publisher) => publisher.close()));
    return {
      bare: sums.bare.commits / sums.bare.seconds,
      system: sums.system.commits / sums.system.seconds,
    };
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

/**
 * For each publisher bare INSERTs through its own connection: from one connection or client to another of the same kind commits a second
 * differ by several hundredths for as long as they live. Where it has none of the caller's, through as many connections of node-postgres.
 */
async function withBareWrites<R>(
  options: SystemOptions,
  publishers: readonly Publisher[],
  use: (bare: [Write, ...Write[]]) => Promise<R>,
): Promise<R> {
  const plain = await systemEntry('plain').open(options);
  const opened: Publisher[] = [];
  try {
    await plain.install();
    const bare: Write[] = [];
    for (const { insertBare } of publishers) {
      if (insertBare === undefined) opened.push(...(await openPublishers(plain, 'pg', 1)));
      bare.push(insertBare ?? (opened.at(-1) as Publisher).publish);
    }
    return await use(bare as [Write, ...Write[]]);
  } finally {
    await Promise.all(opened.map((publisher) => publisher.close()));
    await plain.close();
  }
}

let nextEvent = 1;

/** Milliseconds a transaction. */
async function timeBlock(write: Write, count: number): Promise<number> {
  const startedAt = performance.now();
  for (let i = 0; i < count; i++) await write(benchEvent(nextEvent++));
  return (performance.now() - startedAt) / count;
}

interface Commits {
  commits: number;
  seconds: number;
}

function addTo(sum: Commits, { commits, seconds }: Commits): void {
  sum.commits += commits;
  sum.seconds += seconds;
}

async function commitFor(seconds: number, writes: readonly Write[]): Promise<Commits> {
  const startedAt = performance.now();
  const until = startedAt + seconds * 1e3;
  let commits = 0;
  await Promise.all(
    writes.map(async (write) => {
      while (performance.now() < until) {
        await write(benchEvent(nextEvent++));
        commits++;
      }
    }),
  );
  return { commits, seconds: (performance.now() - startedAt) / 1e3 };
}
