import { join } from 'node:path';
import type { BenchDatabase } from '../harness/bench-server.js';
import type { DrainResult } from '../harness/child-protocol.js';
import { median } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { PLAIN_OPTIONS, type SystemOptions } from '../systems/measured-system.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
import type { Bench } from './scenario.js';

export interface BacklogDrain {
  system: SystemName;
  events: number;
  payloadBytes?: number | undefined;
  options?: Partial<Omit<SystemOptions, 'url'>> | undefined;
  /** Record a CPU profile under this name. */
  profileAs?: string | undefined;
}

/** Drains per round and system, in turn, so that whatever else the machine does falls on all of them. */
export async function drainInRounds(
  bench: Bench,
  drains: BacklogDrain[],
  rounds = bench.sizes.rounds,
): Promise<Map<BacklogDrain, number[]>> {
  const rates = new Map<BacklogDrain, number[]>(drains.map((drain) => [drain, []]));
  for (let round = 0; round < rounds; round++)
    for (const drain of drains) rates.get(drain)?.push(await drainRate(bench, drain));
  return rates;
}

/** Events a second that all consumers have done. */
export async function drainRate(bench: Bench, drain: BacklogDrain): Promise<number> {
  const result = await drainOnce(bench, drain);
  const consumers = drain.options?.consumers ?? PLAIN_OPTIONS.consumers;
  return result.handled / consumers / result.seconds;
}

async function drainOnce(bench: Bench, drain: BacklogDrain): Promise<DrainResult> {
  const template = await prepareBacklog(bench, drain);
  const options = { ...PLAIN_OPTIONS, ...drain.options };
  return bench.server.withDatabase(
    (database) =>
      SystemProcess.with(drain.system, { ...options, url: database.url }, (process) =>
        process.call('drain', {
          expected: drain.events * options.consumers,
          limitMs: bench.sizes.drainLimitMs,
          ...(drain.profileAs === undefined
            ? {}
            : { profileTo: join(bench.resultsFolder, `${drain.profileAs}.cpuprofile`) }),
        }),
      ),
    template,
  );
}

/** A database in which the system is installed and the backlog waits. */
export function prepareBacklog(
  bench: Bench,
  { system, events, payloadBytes, options }: BacklogDrain,
): Promise<BenchDatabase> {
  const key = JSON.stringify([system, events, payloadBytes, options]);
  return bench.server.template(key, (url) =>
    SystemProcess.with(system, { ...PLAIN_OPTIONS, ...options, url }, async (process) => {
      await process.call('install');
      await process.call('fill', { from: 1, count: events, payloadBytes });
    }),
  );
}

/** A fifth of the backlog for systems that would not empty it anyway. */
export function backlogFor(bench: Bench, system: SystemName, events = bench.sizes.backlog): number {
  return systemEntry(system).slow === true ? Math.ceil(events / 5) : events;
}

/** The median over the rounds of one's rate divided by the other's. */
export function medianRatio(of: readonly number[], by: readonly number[]): number {
  return median(of.map((value, round) => value / (by[round] as number)));
}
