import type { AdminDatabase } from '../database/admin-database.js';
import { checkCount, checkNames, checkText, checkTime, invalidArgument } from '../words/argument-checks.js';
import { DEFAULT_SAMPLE_TIMES, GAP_IN_SAMPLES, type SampleTimes } from './backlog-samples.js';
import type { ConsumerRates, ConsumerWork, EngineRates, RatePoint, RateRange } from './consumer-rates.js';
import { ConsumerRatesStore, type RateGrid } from './consumer-rates.store.js';
import type { HeatMap, HeatMapRequest } from './heat-map.js';
import { HeatMapStore, type HeatRows } from './heat-map.store.js';
import { HOUR, HourlyRates, type RatesInSteps } from './hourly-rates.js';
import { type WorkOfStep, WorkStore } from './work.store.js';
import { LATENCY_BOUNDS_S } from './work-counts.js';
import { workPoints } from './work-points.js';

const LONGEST_CONSUMER_NAME = 127;
/**
 * The steps among which the default is chosen, in seconds: those that a clock shows as well. Samples of more
 * than an hour ago are a minute apart, so a longer range has steps of whole minutes.
 */
const STEPS = [10, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400] as const;
/**
 * What lines show by default: an hour in steps of ten seconds, and the rest of the minute in which it begins.
 */
const LINES = { rangeMs: 3_600_000, steps: 366 };
/** What a heat map shows by default: a day in steps of an hour. */
const HEAT = { rangeMs: 86_400_000, steps: 73 };
/** In seconds: six hours, and what whole steps add to it. */
const HEAT_OF_MINUTES = 6 * HOUR + 5 * 60;
const HEAT_CONSUMERS = 20;
const MOST_HEAT_CONSUMERS = 500;
const MOST_STEPS = 1_000;
const SHORTEST_STEP = 10;
const MINUTE = 60;
/**
 * In seconds: a day, and what whole steps add to it. Beyond that, the samples of many consumers are too many
 * to be read while somebody waits.
 */
const LONGEST_OF_ALL = 86_400 + 15 * MINUTE;
/** In seconds: how long minutes and samples are kept, and what whole steps add to it. */
const WEEK = 7 * 86_400 + 15 * MINUTE;
const LONGEST_STEP = 2_147_483_647;

/**
 * Tells how fast the log grows and how fast consumers are, from the samples that one process writes every
 * ten seconds. They are kept for a week, and after an hour one a minute. Steps of whole hours are known for
 * as many days as `hourlyRetentionDays` says. While no process runs consumers there are no samples, and the
 * rates of that time are null.
 */
export class ConsumerRatesService {
  private readonly store: ConsumerRatesStore;
  private readonly work: WorkStore;
  private readonly hours: HourlyRates;
  private readonly heat: HeatMapStore;

  constructor(
    db: AdminDatabase,
    private readonly times: SampleTimes = DEFAULT_SAMPLE_TIMES,
  ) {
    this.store = new ConsumerRatesStore(db);
    this.work = new WorkStore(db);
    this.hours = new HourlyRates(db, this.gapMs);
    this.heat = new HeatMapStore(db);
  }

  /**
   * Returns the rates of one consumer in steps of time. A consumer that is not there has none.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid range
   */
  async of(consumerName: string, range: RateRange = {}): Promise<ConsumerRates> {
    checkConsumer(consumerName);
    const { to, grid } = gridOf(range, SHORTEST_STEP, WEEK);
    const points = isOfHours(grid)
      ? [...(await this.hours.ofOne(consumerName, grid)).samples]
      : await this.store.points(consumerName, grid, this.gapMs);
    return { consumerName, from: grid.from, to, step: grid.step, points };
  }

  /**
   * Returns what one consumer has handled, what has failed, and how long events took, in steps of minutes or
   * hours. The minutes are known for a week.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid range
   */
  async workOf(consumerName: string, range: RateRange = {}): Promise<ConsumerWork> {
    checkConsumer(consumerName);
    const { to, grid } = gridOf(range, MINUTE, WEEK);
    const { samples, work } = isOfHours(grid)
      ? await this.hours.ofOne(consumerName, grid)
      : await together(
          this.store.points(consumerName, grid, this.gapMs),
          this.work.ofNamed([consumerName], grid),
        );
    const points = workPoints(grid, work, work.steps, (n) => samples[n]?.backlog != null);
    return { consumerName, from: grid.from, to, step: grid.step, points };
  }

  /**
   * Returns how fast the log grows and what all consumers together have done, in steps of minutes or hours,
   * and the same of the busiest ones. A range of more than a day has steps of whole hours.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid range, or minutes of more than a day
   */
  async ofAll(range: RateRange = {}): Promise<EngineRates> {
    const { to, grid } = gridOf(range, MINUTE, LONGEST_OF_ALL);
    checkOfAll(grid);
    const { samples, work } = isOfHours(grid)
      ? await this.hours.ofAll(grid)
      : await together(this.store.pointsOfAll(grid, this.gapMs), this.work.ofAll(grid));
    const pointsOf = (name: string | null) =>
      workPoints(
        grid,
        work,
        work.steps.filter((each) => each.name === name),
        (n) => samples[n]?.backlog != null,
      );
    return {
      from: grid.from,
      to,
      step: grid.step,
      points: pointsOf(null).map((point, n) => ({ ...point, ...ofSample(samples[n]) })),
      busiest: busiestOf(work.steps).map((name) => ({ consumerName: name, points: pointsOf(name) })),
    };
  }

  /**
   * Returns how long events took, by classes, and at which consumers attempts failed, in steps of time. The
   * default range is a day. What is longer than six hours has steps of whole hours, unless it says otherwise.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid range, or minutes of more than a day
   */
  async heatMap({ consumerName, limit, ...range }: HeatMapRequest = {}): Promise<HeatMap> {
    if (consumerName !== undefined) checkConsumer(consumerName);
    const most = limit === undefined ? HEAT_CONSUMERS : checkCount('limit', limit, MOST_HEAT_CONSUMERS);
    const { to, grid } = gridOf(range, MINUTE, HEAT_OF_MINUTES, HEAT);
    checkOfAll(grid);
    const { edge, recent } = isOfHours(grid)
      ? await this.hours.parts(grid)
      : { edge: grid.from, recent: grid };
    const parts = { edge, begin: recent?.from ?? to };
    const rows = await this.heat.read(grid, parts, most, consumerName);
    return { from: grid.from, to, step: grid.step, ...heatMapOf(grid, rows) };
  }

  private get gapMs(): number {
    return GAP_IN_SAMPLES * this.times.everyMs;
  }
}

function checkOfAll(grid: RateGrid): void {
  if (!isOfHours(grid) && grid.step * grid.steps > LONGEST_OF_ALL)
    throw invalidArgument('step must be whole hours if the range of all consumers is longer than a day', {
      field: 'step',
    });
}

function checkConsumer(consumerName: string): void {
  checkText('consumerName', consumerName, LONGEST_CONSUMER_NAME);
  if (consumerName === undefined) throw invalidArgument('consumerName is missing', { field: 'consumerName' });
}

async function together(
  samples: Promise<RatesInSteps['samples']>,
  work: Promise<RatesInSteps['work']>,
): Promise<RatesInSteps> {
  const [ofSamples, ofWork] = await Promise.all([samples, work]);
  return { samples: ofSamples, work: ofWork };
}

/** Whether the steps are whole hours, which are kept for longer. */
function isOfHours({ step }: RateGrid): boolean {
  return step % HOUR === 0;
}

/**
 * The steps of a range. Where they are minutes or hours, the range begins with a whole one. A range that is
 * longer than `inHours` seconds has steps of hours, unless it says otherwise.
 */
function gridOf(
  range: RateRange,
  shortest: number,
  inHours: number,
  { rangeMs, steps: wanted } = LINES,
): { readonly to: Date; readonly grid: RateGrid } {
  checkNames('a field of a range', range, ['from', 'to', 'step']);
  checkTime('from', range.from);
  checkTime('to', range.to);
  const to = range.to ?? new Date();
  const asked = range.from ?? new Date(to.getTime() - rangeMs);
  if (asked.getTime() >= to.getTime()) throw invalidArgument('from must be before to', { field: 'from' });
  const askedSeconds = (to.getTime() - asked.getTime()) / 1_000;
  const byDefault = stepFor(askedSeconds, askedSeconds > inHours ? HOUR : shortest, wanted);
  const step = checkCount('step', range.step ?? byDefault, LONGEST_STEP);
  const wholeMs = 1_000 * (step % HOUR === 0 ? HOUR : shortest === MINUTE ? MINUTE : 0.001);
  const from = new Date(Math.floor(asked.getTime() / wholeMs) * wholeMs);
  const seconds = (to.getTime() - from.getTime()) / 1_000;
  if (shortest === MINUTE && step % MINUTE !== 0)
    throw invalidArgument(`step must be a multiple of ${MINUTE} seconds`, { field: 'step' });
  const steps = Math.ceil(seconds / step);
  if (step < shortest || steps > MOST_STEPS)
    throw invalidArgument(
      `step must be ${shortest} seconds or more, and make at most ${MOST_STEPS} steps: give ${multiple(seconds / MOST_STEPS, shortest)} or more`,
      { field: 'step' },
    );
  return { to, grid: { from, step, steps } };
}

function stepFor(seconds: number, shortest: number, most: number): number {
  const fits = (step: number) => step >= shortest && Math.ceil(seconds / step) <= most;
  const days = STEPS[STEPS.length - 1] as number;
  return STEPS.find(fits) ?? Math.min(LONGEST_STEP, multiple(seconds / most, days));
}

function multiple(seconds: number, shortest: number): number {
  return Math.max(shortest, Math.ceil(seconds / shortest) * shortest);
}

function ofSample(sample: RatePoint | undefined) {
  const { publishedPerSecond = null, backlog = null, lagSeconds = null, deadLetters = null } = sample ?? {};
  return { publishedPerSecond, backlog, lagSeconds, deadLetters };
}

function busiestOf(steps: readonly WorkOfStep[]): string[] {
  const done = new Map<string, number>();
  for (const { name, handled, failed } of steps)
    if (name !== null) done.set(name, (done.get(name) ?? 0) + handled + failed);
  return [...done].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([name]) => name);
}

function heatMapOf(
  { from, step, steps }: RateGrid,
  { known, steps: done, failing }: HeatRows,
): Pick<HeatMap, 'latencyBounds' | 'steps' | 'failing' | 'others'> {
  const latencyBounds = [...LATENCY_BOUNDS_S, null];
  const byStep = new Map(done.map((each) => [each.n, each]));
  const isKnown = new Set(known);
  const inSteps = (cells: HeatRows['failing'][number]['cells']) => {
    const failed = new Map(cells);
    return Array.from({ length: steps }, (_, n) => failed.get(n) ?? (isKnown.has(n) ? 0 : null));
  };
  const others = failing.find(({ name }) => name === null);
  return {
    latencyBounds,
    steps: Array.from({ length: steps }, (_, n) => {
      const at = new Date(from.getTime() + n * step * 1_000);
      if (!isKnown.has(n)) return { at, handled: null, failed: null, latency: null };
      const { handled = 0, failed = 0, latency = latencyBounds.map(() => 0) } = byStep.get(n) ?? {};
      return { at, handled, failed, latency: [...latency] };
    }),
    failing: failing.flatMap(({ name, failed, cells }) =>
      name === null ? [] : [{ consumerName: name, failed, steps: inSteps(cells) }],
    ),
    others: {
      consumers: others?.consumers ?? 0,
      failed: others?.failed ?? 0,
      steps: inSteps(others?.cells ?? []),
    },
  };
}
