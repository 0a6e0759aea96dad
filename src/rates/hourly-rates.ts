import type { EngineDatabase } from '../database/engine-database.js';
import type { RatePoint } from './consumer-rates.js';
import { ConsumerRatesStore, type RateGrid } from './consumer-rates.store.js';
import { ALL_CONSUMERS, HourStore, type KeptHour } from './hour.store.js';
import { type WorkInSteps, type WorkOfStep, WorkStore } from './work.store.js';

export const HOUR = 3_600;
const HOUR_MS = HOUR * 1_000;
/** Minutes that are older than this are not looked at while somebody waits. The hours have them by then. */
const RECENT_MS = 24 * HOUR_MS;

/** What a grid shows: samples for each step, and the work in it. */
export interface RatesInSteps {
  readonly samples: readonly RatePoint[];
  readonly work: WorkInSteps;
}

type Hour = { -readonly [K in keyof KeptHour]: KeptHour[K] };

/**
 * Reads rates in steps of whole hours: from the hours that are kept, and those of the last ones from minutes
 * and samples, because they are not made yet.
 */
export class HourlyRates {
  private readonly store: HourStore;
  private readonly rates: ConsumerRatesStore;
  private readonly minutes: WorkStore;

  constructor(
    db: EngineDatabase,
    private readonly gapMs: number,
  ) {
    this.store = new HourStore(db);
    this.rates = new ConsumerRatesStore(db);
    this.minutes = new WorkStore(db);
  }

  async ofOne(consumerName: string, grid: RateGrid): Promise<RatesInSteps> {
    const { edge, recent } = await this.parts(grid);
    const kept = await this.store.hours([consumerName], grid.from, edge);
    if (recent === undefined) return inSteps(grid, kept, endOf(grid), consumerName);
    const samples = await this.rates.points(consumerName, recent, this.gapMs);
    const work = await this.minutes.ofNamed([consumerName], recent);
    return inSteps(
      grid,
      [...kept, ...hoursOf(consumerName, recent, samples, work.steps)],
      latestOf(work, edge),
      consumerName,
    );
  }

  /** All consumers together, with a null as their name, and the busiest ones. */
  async ofAll(grid: RateGrid): Promise<RatesInSteps> {
    const { edge, recent } = await this.parts(grid);
    const byHours = await this.store.busiest(grid.from, edge);
    if (recent === undefined) {
      const kept = await this.store.hours([ALL_CONSUMERS, ...byHours], grid.from, edge);
      return inSteps(grid, kept, endOf(grid), ALL_CONSUMERS);
    }
    const samples = await this.rates.pointsOfAll(recent, this.gapMs);
    const all = await this.minutes.ofAll(recent);
    const names = byHours.length > 0 ? byHours : namesOf(all.steps);
    const kept = await this.store.hours([ALL_CONSUMERS, ...names], grid.from, edge);
    const { steps } = byHours.length > 0 ? await this.minutes.ofNamed(names, recent) : all;
    return inSteps(
      grid,
      [
        ...kept,
        ...hoursOf(
          ALL_CONSUMERS,
          recent,
          samples,
          all.steps.filter(({ name }) => name === null),
        ),
        ...names.flatMap((name) =>
          hoursOf(
            name,
            recent,
            [],
            steps.filter((each) => each.name === name),
          ),
        ),
      ],
      latestOf(all, edge),
      ALL_CONSUMERS,
    );
  }

  /** Up to when a grid is read from the hours, and the hours behind that. */
  async parts(grid: RateGrid): Promise<{ edge: Date; recent: RateGrid | undefined }> {
    const { from } = grid;
    const end = endOf(grid);
    const known = (await this.store.edge())?.getTime() ?? 0;
    const oldest = Math.floor((Date.now() - RECENT_MS) / HOUR_MS) * HOUR_MS;
    const begin = Math.max(known, from.getTime(), oldest);
    const edge = new Date(Math.min(Math.max(known, from.getTime()), end));
    // What is to come has no hours.
    const steps = Math.ceil((Math.min(end, Date.now()) - begin) / HOUR_MS);
    return { edge, recent: steps > 0 ? { from: new Date(begin), step: HOUR, steps } : undefined };
  }
}

function endOf({ from, step, steps }: RateGrid): number {
  return from.getTime() + step * steps * 1_000;
}

function latestOf({ latest }: WorkInSteps, edge: Date): number {
  return Math.max(latest ?? 0, edge.getTime());
}

function namesOf(steps: readonly WorkOfStep[]): string[] {
  return [...new Set(steps.flatMap(({ name }) => name ?? []))];
}

/** The hours of a grid of hours, as the store has them. */
function hoursOf(
  name: string,
  grid: RateGrid,
  samples: readonly RatePoint[],
  work: readonly WorkOfStep[],
): KeptHour[] {
  const done = new Map(work.map((each) => [each.n, each]));
  return Array.from({ length: grid.steps }, (_, n) => {
    const sample = samples[n];
    const { handled = 0, failed = 0, latency = [] } = done.get(n) ?? {};
    return {
      name,
      at: new Date(grid.from.getTime() + n * HOUR_MS),
      handled,
      failed,
      latency,
      published: sample?.publishedPerSecond ?? null,
      settled: sample?.settledPerSecond ?? null,
      backlog: sample?.backlog ?? null,
      lag: sample?.lagSeconds ?? null,
      dead: sample?.deadLetters ?? null,
      isKnown: sample?.backlog != null || done.has(n),
    };
  }).filter(({ isKnown }) => isKnown);
}

/** Adds hours up to steps. Rates are means, and levels the most of the step: those of `levelsOf`. */
function inSteps(
  { from, step, steps }: RateGrid,
  hours: readonly KeptHour[],
  latest: number,
  levelsOf: string,
): RatesInSteps {
  const found = new Map<string, { n: number; count: number; sum: Hour }>();
  for (const hour of hours) {
    const n = Math.floor((hour.at.getTime() - from.getTime()) / (step * 1_000));
    if (n < 0 || n >= steps) continue;
    const key = `${n}/${hour.name}`;
    const before = found.get(key);
    if (before === undefined) found.set(key, { n, count: Number(hour.published !== null), sum: { ...hour } });
    else add(before, hour);
  }
  const all = [...found.values()];
  const levels = new Map(all.filter(({ sum }) => sum.name === levelsOf).map((each) => [each.n, each]));
  const samples = Array.from({ length: steps }, (_, n): RatePoint => {
    const at = new Date(from.getTime() + n * step * 1_000);
    const { count = 0, sum } = levels.get(n) ?? {};
    const mean = (value: number | null | undefined) => (value == null ? null : value / Math.max(1, count));
    return {
      at,
      publishedPerSecond: mean(sum?.published),
      settledPerSecond: mean(sum?.settled),
      backlog: sum?.backlog ?? null,
      lagSeconds: sum?.lag ?? null,
      deadLetters: sum?.dead ?? null,
    };
  });
  const work = all.map(({ n, sum: { name, handled, failed, latency } }) => ({
    name: name === ALL_CONSUMERS ? null : name,
    n,
    handled,
    failed,
    latency,
  }));
  return { samples, work: { latest, steps: work } };
}

function add(to: { count: number; sum: Hour }, hour: KeptHour): void {
  const { sum } = to;
  if (hour.published !== null) to.count++;
  sum.handled += hour.handled;
  sum.failed += hour.failed;
  const longer = sum.latency.length >= hour.latency.length ? sum.latency : hour.latency;
  sum.latency = longer.map((_, index) => (sum.latency[index] ?? 0) + (hour.latency[index] ?? 0));
  sum.published = both(sum.published, hour.published, (a, b) => a + b);
  sum.settled = both(sum.settled, hour.settled, (a, b) => a + b);
  for (const level of ['backlog', 'lag', 'dead'] as const)
    sum[level] = both(sum[level], hour[level], Math.max);
}

function both(a: number | null, b: number | null, join: (a: number, b: number) => number): number | null {
  return a === null ? b : b === null ? a : join(a, b);
}
