import type { HeatMap } from '../rates/heat-map.js';
import type { Command } from './command.js';
import { CONSUMER_OPTION, countOf, dateOption, textOption } from './options.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { counted, timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

const BLOCKS = ' ▁▂▃▄▅▆▇█';
/** What a step of the map is at most, so that a line fits a terminal. */
const MOST_BLOCKS = 60;

/** Shows how long events took, and at which consumers attempts failed: the heat maps of the dashboard. */
export const heatCommand: Command = {
  name: 'heat',
  parameters: [],
  options: {
    ...CONSUMER_OPTION,
    since: { type: 'string', summary: 'from this time on, default a day ago' },
    until: { type: 'string', summary: 'before this time' },
    step: { type: 'string', summary: 'seconds of one step, a multiple of 60' },
    limit: { type: 'string', summary: 'how many failing consumers, 1 to 500, default 20' },
    ...WATCH_OPTION,
  },
  summary: 'show how long events took, and at which consumers attempts failed, in steps of time',
  run: (context) => {
    const { options } = context;
    const number = (name: string) => {
      const given = textOption(options, name);
      return given === undefined ? undefined : countOf(given, `--${name}`);
    };
    const request = {
      from: dateOption(options, 'since'),
      to: dateOption(options, 'until'),
      step: number('step'),
      limit: number('limit'),
      consumerName: textOption(options, 'consumer'),
    };
    return withServices(context, async ({ rates }) => {
      const map = await rates.heatMap(request);
      return { ok: true, data: { ...map }, text: describe(map) };
    });
  },
};

interface Row {
  readonly name: string;
  readonly sum: number;
  /** Null where nothing is known. */
  readonly steps: readonly (number | null)[];
}

function describe({ from, to, step, latencyBounds, steps, failing, others }: HeatMap): string {
  const classes = latencyBounds.map((bound, index): Row => {
    const ofSteps = steps.map(({ latency }) => latency && (latency[index] ?? 0));
    const last = latencyBounds[index - 1] ?? 0;
    const name = bound === null ? `more than ${last} s` : `up to ${bound} s`;
    return { name, sum: ofSteps.reduce<number>((sum, n) => sum + (n ?? 0), 0), steps: ofSteps };
  });
  const consumers = failing.map(({ consumerName, failed, steps }) => ({
    name: consumerName,
    sum: failed,
    steps,
  }));
  const rest =
    others.consumers === 0
      ? []
      : [{ name: counted(others.consumers, 'other'), sum: others.failed, steps: others.steps }];
  return [
    `From ${timeText(from)} to ${timeText(to)}, in steps of ${step / 60} min. The highest block is the most of its table, and a dot a time of which nothing is known.`,
    '',
    ...(classes.every(({ sum }) => sum === 0)
      ? ['No latency is known of this time.']
      : [mapOf('LATENCY', 'EVENTS', classes)]),
    '',
    ...(consumers.length === 0
      ? ['No attempt failed in this time.']
      : [mapOf('CONSUMER', 'FAILED', [...consumers, ...rest])]),
  ].join('\n');
}

function mapOf(what: string, values: string, rows: readonly Row[]): string {
  const most = Math.max(...rows.flatMap(({ steps }) => steps.map((value) => value ?? 0)));
  return table(rows, [
    { heading: what, cell: ({ name }) => name },
    { heading: values, cell: ({ sum }) => String(sum) },
    { heading: 'IN TIME', cell: ({ steps }) => `|${steps.slice(-MOST_BLOCKS).map(blockOf).join('')}|` },
  ]);
  function blockOf(value: number | null): string {
    if (value === null) return '·';
    return value === 0 ? ' ' : (BLOCKS[Math.max(1, Math.round((value / most) * 8))] ?? '');
  }
}
