import { join } from 'node:path';
import type { BenchDatabase } from '../harness/bench-server.js';
import type { DrainResult } from '../harness/child-protocol.js';
import { median } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { PLAIN_OPTIONS, type SystemOptions } from '../systems/measured-system.js';
import { handlersOfAnEvent } from '../systems/routing.js';
import { type SystemEntry, type SystemName, systemEntry } from '../systems/systems.js';
import { withFreshSystem } from './fresh-system.js';
import { insertInChunks } from './large-log.js';
import { INSERT_BACKLOG } from './large-log.store.js';
import type { Bench } from './scenario.js';

export interface BacklogDrain {
  system: SystemName;
  events: number;
  payloadBytes?: number | undefined;
  options?: Partial<Omit<SystemOptions, 'url'>> | undefined;
  /** Drain the prepared database itself, for a backlog that is too large to be copied for a single round. */
  inPlace?: boolean | undefined;
  /** Not to be broken off early: until its code is compiled, some two seconds, a process is slow. */
  toTheEnd?: boolean | undefined;
  /** Record a CPU profile under this name. */
  profileAs?: string | undefined;
}

/** From this many events on, filling takes longer than draining. */
export const MANY_EVENTS = 1_000_000;

/** Backlogs that are prepared at once: one client and one session of the server take a core together. */
const PREPARED_AT_ONCE = 2;

/** How many times as long a drain may take that is not to be broken off early. */
const LONGER = 20;

/** A rival below this share of the best one in the first round is not going to be the best in another. */
const OUT_OF_REACH = 0.6;

/**
 * Drains per round and system, in turn, so that whatever else the machine does falls on all of them. `repeated` says after the first
 * round who takes part in the others.
 */
export async function drainInRounds(
  bench: Bench,
  drains: BacklogDrain[],
  { rounds = bench.sizes.rounds, repeated = drainsAsTheyAre }: RoundOptions = {},
): Promise<Map<BacklogDrain, number[]>> {
  await prepareAll(bench, drains);
  const rates = new Map<BacklogDrain, number[]>(drains.map((drain) => [drain, []]));
  let taking = drains;
  for (let round = 0; round < rounds; round++) {
    for (const drain of taking) rates.get(drain)?.push(await drainRate(bench, drain));
    if (round === 0) taking = repeated(drains, (drain) => rates.get(drain)?.[0] ?? 0);
  }
  return rates;
}

interface RoundOptions {
  rounds?: number;
  repeated?: (drains: BacklogDrain[], firstRate: (drain: BacklogDrain) => number) => BacklogDrain[];
}

const drainsAsTheyAre = (drains: BacklogDrain[]) => drains;

/** This project, the ceiling, and every rival that could be the best one. */
export function withoutTheOutdone(
  drains: BacklogDrain[],
  firstRate: (drain: BacklogDrain) => number,
): BacklogDrain[] {
  const isRival = ({ system }: BacklogDrain) => !['project', 'ceiling'].includes(systemEntry(system).kind);
  const best = Math.max(...drains.filter(isRival).map(firstRate));
  return drains.filter((drain) => !isRival(drain) || firstRate(drain) >= OUT_OF_REACH * best);
}

async function prepareAll(bench: Bench, drains: BacklogDrain[]): Promise<void> {
  const waiting = [...drains];
  const prepareNext = async () => {
    for (let drain = waiting.shift(); drain !== undefined; drain = waiting.shift())
      await prepareBacklog(bench, drain).catch((error) => {
        waiting.length = 0;
        throw error;
      });
  };
  await Promise.all(Array.from({ length: PREPARED_AT_ONCE }, prepareNext));
}

/** Events a second that all who want them have done. */
export async function drainRate(bench: Bench, drain: BacklogDrain): Promise<number> {
  const result = await drainOnce(bench, drain);
  return result.handled / handlersOfAnEvent({ ...PLAIN_OPTIONS, ...drain.options }) / result.seconds;
}

async function drainOnce(bench: Bench, drain: BacklogDrain): Promise<DrainResult> {
  const template = await prepareBacklog(bench, drain);
  const options = { ...PLAIN_OPTIONS, ...drain.options };
  const expected = drain.events * handlersOfAnEvent(options);
  const run = (process: SystemProcess) =>
    process.call('drain', {
      expected,
      uncounted: Math.floor(expected * bench.sizes.uncounted),
      limitMs: bench.sizes.drainLimitMs * (drain.toTheEnd === true ? LONGER : 1),
      ...(drain.profileAs === undefined
        ? {}
        : { profileTo: join(bench.resultsFolder, `${drain.profileAs}.cpuprofile`) }),
    });
  return drain.inPlace === true
    ? SystemProcess.with(drain.system, { ...options, url: template.url }, run)
    : withFreshSystem(bench, drain.system, options, run, template);
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
      if (system === 'integration' && events >= MANY_EVENTS && payloadBytes === undefined)
        await insertInChunks({ url }, INSERT_BACKLOG, events);
      else await process.call('fill', { from: 1, count: events, payloadBytes });
    }),
  );
}

/**
 * A smaller backlog for systems that would not empty it within the limit anyway: slow ones, and all those that store an event once per
 * consumer.
 */
export function backlogFor(
  bench: Bench,
  system: SystemName,
  consumers = PLAIN_OPTIONS.consumers,
  events = bench.sizes.backlog,
): number {
  const { slow, kind } = systemEntry(system) as SystemEntry;
  const multiplies = kind !== 'project' && consumers > 2;
  return Math.ceil(events / (slow === true ? 5 : 1) / (multiplies ? 2 : 1));
}

/** The median over the rounds that both took part in of one's rate divided by the other's. */
export function medianRatio(of: readonly number[], by: readonly number[]): number {
  return median(by.map((value, round) => (of[round] as number) / value));
}
