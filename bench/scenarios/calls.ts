import { setTimeout as delay } from 'node:timers/promises';
import { CREATE_TABLE, END_HANGING } from '../calls/calls.store.js';
import type { CallCommands } from '../calls/protocol.js';
import { type BenchDatabase, withClient } from '../harness/bench-server.js';
import { median, percentile } from '../harness/statistics.js';
import { untilTrue } from '../harness/until-true.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import type { TargetCommands } from '../outgoing/protocol.js';
import { medianRatio } from './backlog-drain.js';
import type { Bench, Scenario } from './scenario.js';

const GROUPS = 999;
/** As many as one target may have in flight, and more that wait behind them. */
const HANGING = 200;
const IN_FLIGHT = 10;
const PER_SECOND = 100;
const SECONDS = 12;
const PAIRS = 9;
const LONGEST_MS = 60_000;
const P99_ALLOWED = 1.5;

const ROUNDS = 5;
const STEPS = 400;
const STEPS_PER_SECOND = 50;
/** Two consumers stand in a row, and the first one writes in a transaction. */
const STEP_ALLOWED = 3;

interface Stage {
  readonly calls: AskedProcess<CallCommands>;
  readonly target: AskedProcess<TargetCommands>;
  readonly database: BenchDatabase;
}

export const fairCalls: Scenario = {
  name: 'fair-calls',
  promise: 'what one target of calls that hangs, with 200 calls, costs 999 others',
  slow: true,
  run: (bench) =>
    withStage(bench, async (stage) => {
      const { pairs, seconds } = bench.sizes.quick
        ? { pairs: 3, seconds: 4 }
        : { pairs: PAIRS, seconds: SECONDS };
      const samples = { without: [] as number[], with: [] as number[] };
      await period(stage, false, seconds);
      for (let pair = 0; pair < pairs; pair++)
        for (const isWith of pair % 2 === 0 ? [false, true] : [true, false])
          samples[isWith ? 'with' : 'without'].push(...(await period(stage, isWith, seconds)));
      const row = (name: keyof typeof samples) => [
        samples[name].length,
        ...[0.5, 0.9, 0.99].map((part) => percentile(samples[name], part)),
        Math.max(...samples[name]),
      ];
      bench.report.table(
        `From the commit of a call to its request, at ${PER_SECOND} calls a second (${pairs} pairs in turn of ${seconds} s, pooled), ms`,
        ['', 'calls', 'median', 'p90', 'p99', 'longest'],
        [
          ['without', ...row('without')],
          [`with one target of ${GROUPS + 1} that hangs`, ...row('with')],
        ],
      );
      bench.report.detail('fair-calls', samples);
      const ratio = percentile(samples.with, 0.99) / percentile(samples.without, 0.99);
      bench.report.atMost('fair-calls-p99-with-hanging', ratio, P99_ALLOWED);
    }),
};

export const webhookToStep: Scenario = {
  name: 'webhook-to-step',
  promise:
    'from the commit of a webhook to the step of a saga that its call leads to, beside a plain consumer',
  run: (bench) =>
    withStage(bench, async ({ calls, database }) => {
      await withClient(database, (client) => client.query(CREATE_TABLE));
      const { quick } = bench.sizes;
      const count = quick ? STEPS / 4 : STEPS;
      const found = { plain: [] as number[], hand: [] as number[], steps: [] as number[] };
      for (let round = 0; round <= ROUNDS; round++) {
        const range = { from: round * count, count };
        await calls.ask('begin', range);
        for (const way of ['plain', 'hand', 'steps'] as const) {
          const delays = await calls.ask(way, { ...range, perSecond: STEPS_PER_SECOND });
          // In the first round, code is compiled.
          if (round > 0) found[way].push(median(delays));
        }
      }
      const ratio = medianRatio(found.steps, found.plain);
      bench.report.table(
        `From commit to handler, ${STEPS_PER_SECOND} a second (${ROUNDS} rounds of ${count} in turn, medians), ms`,
        ['', 'median', '× plain'],
        [
          ['a plain consumer', median(found.plain), 1],
          [
            'two transactional handlers, a row and an event by hand',
            median(found.hand),
            medianRatio(found.hand, found.plain),
          ],
          ['a webhook, the report of its call, the step of its saga', median(found.steps), ratio],
        ],
      );
      bench.report.detail('webhook-to-step', found);
      bench.report.atMost('webhook-to-step-vs-plain', ratio, STEP_ALLOWED);
    }),
};

async function withStage({ server }: Bench, use: (stage: Stage) => Promise<void>): Promise<void> {
  const database = await server.createDatabase();
  const target = AskedProcess.start<TargetCommands>('target-process');
  const calls = AskedProcess.start<CallCommands>('../calls/call-process', {
    CALLS_DATABASE_URL: database.url,
  });
  try {
    await use({ calls, target, database });
  } finally {
    await Promise.all([calls.end(), target.end()]);
    await database.drop();
  }
}

/** Calls at a steady rate, while those of one target hang, or while there are none of it. */
async function period(
  { calls, target, database }: Stage,
  isWith: boolean,
  seconds: number,
): Promise<number[]> {
  if (isWith) await calls.ask('hang', { count: HANGING, url: `${await target.ask('url', {})}/hang` });
  const isAsWanted = async () => (await target.ask('counts', {})).hanging === (isWith ? IN_FLIGHT : 0);
  if (!(await untilTrue(isAsWanted, LONGEST_MS)))
    throw new Error('waited in vain for the requests that hang');
  const found = await calls.ask('fair', {
    perSecond: PER_SECOND,
    count: PER_SECOND * seconds,
    groups: GROUPS,
  });
  if (isWith) {
    await withClient(database, (client) => client.query(END_HANGING));
    await target.ask('letGo', {});
    // What was let go is saved.
    await delay(1_000);
  }
  return found;
}
