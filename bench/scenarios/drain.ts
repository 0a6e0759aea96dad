import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { topSelfTimes } from '../harness/cpu-profile.js';
import { median } from '../harness/statistics.js';
import { DEFAULT_PEERS, RIVALS, STRONGEST_RIVALS, type SystemName, systemEntry } from '../systems/systems.js';
import {
  type BacklogDrain,
  backlogFor,
  drainInRounds,
  drainRate,
  MANY_EVENTS,
  medianRatio,
  withoutTheOutdone,
} from './backlog-drain.js';
import type { Bench, Scenario } from './scenario.js';

/** Where profiles are taken, only this project runs: a profiler slows what it looks at. */
export function drainScenario(consumers: 1 | 3 | 10): Scenario {
  return {
    name: `drain-${consumers}`,
    ...(consumers === 10 ? { slow: true } : {}),
    promise: `events per second through ${consumers} consumer${consumers > 1 ? 's' : ''} with a plain ordered handler, a backlog waiting`,
    run: (bench) => (bench.profile ? profileDrain(bench, consumers) : compareDrains(bench, consumers)),
  };
}

async function compareDrains(bench: Bench, consumers: number): Promise<void> {
  const drains = systemsFor(bench, consumers).map((system) => drainOf(bench, system, consumers));
  const title = `Drain, ${consumers} consumer${consumers > 1 ? 's' : ''}`;
  const ratesOf = await presentDrains(bench, `drain-${consumers}`, title, drains);
  const ours = ratesOf('integration');

  const best = rivalsIn(bench).reduce((a, b) => (median(ratesOf(b)) > median(ratesOf(a)) ? b : a));
  const ratio = medianRatio(ours, ratesOf(best));
  bench.report.note(`the best of the others is ${systemEntry(best).label}`);
  if (consumers === 1) {
    bench.report.atLeast('drain-1-vs-best-peer', ratio, 2.5);
    bench.report.atLeast('drain-1-vs-raw-select', medianRatio(ours, ratesOf('plain')), 0.6);
  }
  if (consumers === 3) bench.report.atLeast('drain-3-vs-best-peer', ratio, 4);
}

const MODULES = 10;

/** What an ordinary application is like: each consumer is there for a few kinds of events, and most events are for somebody else. */
export const drainOwnNames: Scenario = {
  name: 'drain-own-names',
  slow: true,
  promise: `events per second through ${MODULES} consumers, each of which wants events of a name of its own`,
  run: async (bench) => {
    const { backlog, quick } = bench.sizes;
    const drains = (['integration', ...STRONGEST_RIVALS] as const).map((system): BacklogDrain => {
      const toTheEnd = COMPARED.has(system);
      const events = backlog * (quick || !toTheEnd ? 1 : TIMES_THE_BACKLOG_COMPARED);
      return { system, events, options: { consumers: MODULES, wants: 'its-own' }, toTheEnd };
    });
    const title = `Drain, ${MODULES} consumers, each event for one of them`;
    await presentDrains(bench, 'drain-own-names', title, drains);
  },
};

/** Drains in rounds and shows the rates; resolves to those of each system. */
async function presentDrains(
  bench: Bench,
  name: string,
  title: string,
  drains: BacklogDrain[],
): Promise<(system: SystemName) => number[]> {
  const rates = await drainInRounds(bench, drains, { repeated: withoutTheOutdone });
  const ratesOf = (system: SystemName) => [...rates].find(([drain]) => drain.system === system)?.[1] ?? [];
  const ours = ratesOf('integration');
  bench.report.table(
    title,
    ['system', 'settings', 'events/s', 'this project is × as fast', 'rounds'],
    drains.map(({ system }) => [
      systemEntry(system).label,
      systemEntry(system).about,
      median(ratesOf(system)),
      medianRatio(ours, ratesOf(system)),
      ratesOf(system).length,
    ]),
  );
  bench.report.detail(
    name,
    Object.fromEntries(
      drains.map(({ system, events }) => [system, { events, eventsPerSecond: ratesOf(system) }]),
    ),
  );
  return ratesOf;
}

/** In a quick run only the one that is the best in every full run. */
function rivalsIn(bench: Bench): readonly SystemName[] {
  return bench.sizes.quick ? STRONGEST_RIVALS.slice(0, 1) : RIVALS;
}

function systemsFor(bench: Bench, consumers: number): SystemName[] {
  return [
    'integration',
    ...rivalsIn(bench),
    ...(bench.sizes.quick || consumers === 10 ? [] : DEFAULT_PEERS),
    ...(consumers === 1 ? (['plain'] as const) : []),
  ];
}

/**
 * Until all its code is compiled a process is slow, ours longer than a loop of a few lines: half a second is lost by it. Those whose rates
 * promises rest on drain a million events, and to the end, so that this is a small part; the others are behind by a multiple either way.
 */
const TIMES_THE_BACKLOG = 2;
const TIMES_THE_BACKLOG_COMPARED = 6;
const COMPARED: ReadonlySet<SystemName> = new Set(['integration', 'row-queue', 'plain']);

function drainOf(bench: Bench, system: SystemName, consumers: number): BacklogDrain {
  const { backlog, quick } = bench.sizes;
  const toTheEnd = !quick && COMPARED.has(system);
  const most = toTheEnd ? MANY_EVENTS : backlog * TIMES_THE_BACKLOG;
  const events = consumers === 10 ? backlog / (toTheEnd ? 1 : 5) : quick ? backlog : most;
  return { system, events: backlogFor(bench, system, consumers, events), options: { consumers }, toTheEnd };
}

async function profileDrain(bench: Bench, consumers: number): Promise<void> {
  const name = `drain-${consumers}`;
  const rate = await drainRate(bench, { ...drainOf(bench, 'integration', consumers), profileAs: name });
  const file = join(bench.resultsFolder, `${name}.cpuprofile`);
  const profile = JSON.parse(await readFile(file, 'utf8'));
  bench.report.note(`${Math.round(rate)} events/s while profiled; ${file}`);
  bench.report.table(
    'Where the time went (self time, idle left out)',
    ['function', 'where', '% of busy time', 'ms'],
    topSelfTimes(profile, 25).map(({ name, where, share, milliseconds }) => [
      name,
      where,
      share * 100,
      milliseconds,
    ]),
  );
}
