import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** Steps between the labels of durations, in seconds, so that each label is a round number of its unit. */
const DURATIONS_S = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 60, 120, 300, 600, 1_200, 1_800,
  3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000,
];

export interface Line {
  readonly name: string;
  /** One value for each time. Null where nothing is known. */
  readonly values: readonly (number | null)[];
  /** Whether a value is the most of its step, and not its mean. */
  readonly isPeak?: boolean | undefined;
  /** Whether it is of a week before, which is drawn in grey. */
  readonly isPast?: boolean | undefined;
}

interface Data {
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly least: number;
  /** Whether the values are seconds. */
  readonly isDuration: boolean;
  /** Times of what was changed, in milliseconds. */
  readonly marks: readonly number[];
}

/** What a person does with a drawing. Times are in milliseconds. */
interface Acts {
  /** Undefined where the pointer has left. */
  readonly onPoint: (at: number | undefined) => void;
  readonly onWindow: (from: number, to: number) => void;
}

export interface Drawing {
  show(data: Data): void;
  /** Shows the time that is looked at in another drawing, or by keys. */
  point(at: number | undefined): void;
  end(): void;
}

const HEIGHT = 190;
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3], [1, 4]];
const DAY_S = 86_400;
/** Pixels. What is shorter was a click. */
const SHORTEST_WINDOW = 4;
/** Steps between the labels of time, in seconds. None is shorter than a minute. */
const STEPS_S = [
  60,
  300,
  600,
  900,
  1_800,
  3_600,
  7_200,
  10_800,
  21_600,
  43_200,
  DAY_S,
  2 * DAY_S,
  4 * DAY_S,
  7 * DAY_S,
  14 * DAY_S,
];
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

/** Draws lines over time into an element, as wide as it is. */
export function draw(holder: HTMLElement, first: Data, acts: Acts): Drawing {
  let { format, marks } = first;
  const colour = (name: string) => getComputedStyle(holder).getPropertyValue(name).trim();
  const axis = {
    stroke: () => colour('--muted'),
    grid: { stroke: () => colour('--line'), width: 1 },
    ticks: { stroke: () => colour('--line'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  const plot = new uPlot(
    {
      width: widthOf(holder),
      height: HEIGHT,
      // The last label stands half beyond the last tick.
      padding: [8, 36, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false }, y: false },
      hooks: {
        draw: [(plot) => drawMarks(plot, marks, colour('--text'))],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select;
            if (width < SHORTEST_WINDOW) return;
            acts.onWindow(plot.posToVal(left, 'x') * 1_000, plot.posToVal(left + width, 'x') * 1_000);
          },
        ],
      },
      scales: { y: { range: (_, __, max) => [0, Math.max(first.least, (max ?? 0) * 1.1)] } },
      axes: [
        { ...axis, space: 76, size: 34, incrs: STEPS_S, values: (_, splits) => timeTexts(splits) },
        {
          ...axis,
          size: 62,
          ...(first.isDuration ? { incrs: DURATIONS_S } : {}),
          values: (_, splits) => splits.map((value) => format(value)),
        },
      ],
      series: [
        {},
        ...first.lines.map(({ name, isPast = false }, index) => ({
          label: name,
          stroke: () => colour(isPast ? '--muted' : `--line-${index}`),
          width: isPast ? 1 : 2,
          dash: isPast ? [] : (DASHES[index] ?? []),
          points: { size: 5, filter: alone },
        })),
      ],
    },
    dataOf(first),
    holder,
  );
  // The hook for the cursor is also called after each change of the data. These events are only a person's.
  let own: number | undefined;
  const say = (at: number | undefined) => {
    own = at === undefined ? undefined : at * 1_000;
    acts.onPoint(own);
  };
  plot.over.addEventListener('mousemove', ({ clientX }) => {
    const left = clientX - plot.over.getBoundingClientRect().left;
    say(plot.data[0][plot.posToIdx(left)]);
  });
  plot.over.addEventListener('mouseleave', () => say(undefined));
  const resized = new ResizeObserver(() => plot.setSize({ width: widthOf(holder), height: HEIGHT }));
  resized.observe(holder);
  const schemes = matchMedia('(prefers-color-scheme: dark)');
  const redraw = () => plot.redraw();
  schemes.addEventListener('change', redraw);
  return {
    show(data) {
      format = data.format;
      marks = data.marks;
      plot.setData(dataOf(data));
    },
    point(at) {
      // The pointer stands here already, and not always at the middle of a step.
      if (at === own) return;
      const left = at === undefined ? -10 : plot.valToPos(at / 1_000, 'x');
      plot.setCursor({ left, top: at === undefined ? -10 : 10 }, false);
    },
    end() {
      resized.disconnect();
      schemes.removeEventListener('change', redraw);
      plot.destroy();
    },
  };
}

/** A line over the whole height for each change, with a flag at its top. */
function drawMarks({ ctx, bbox, valToPos, scales }: uPlot, marks: readonly number[], colour: string): void {
  const { min = 0, max = 0 } = scales.x ?? {};
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const at of marks) {
    const seconds = at / 1_000;
    if (seconds < (min ?? 0) || seconds > (max ?? 0)) continue;
    const x = valToPos(seconds, 'x', true);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const flag = 4 * devicePixelRatio;
    ctx.fillRect(x - flag / 2, bbox.top, flag, flag);
  }
  ctx.restore();
}

function widthOf(holder: HTMLElement): number {
  return Math.max(120, holder.clientWidth);
}

function dataOf({ times, lines }: Data): uPlot.AlignedData {
  return [times.map((time) => time / 1_000), ...lines.map(({ values }) => [...values])];
}

/** The hour, and at the beginning of a day its date. */
function timeTexts(splits: readonly number[]): string[] {
  return splits.map((seconds) => {
    const time = new Date(seconds * 1_000);
    const isMidnight = time.getHours() === 0 && time.getMinutes() === 0;
    // Days do not all have 24 hours.
    const isOfDays =
      seconds - (splits[0] ?? seconds) >= DAY_S && (splits[1] ?? 0) - (splits[0] ?? 0) >= DAY_S;
    return (isMidnight || isOfDays ? DAY : CLOCK).format(time);
  });
}

/** The points that no line leads to, because nothing is known beside them. */
function alone(plot: uPlot, series: number): number[] {
  const values = plot.data[series] ?? [];
  const isKnown = (index: number) => values[index] !== null && values[index] !== undefined;
  return [...values.keys()].filter((index) => isKnown(index) && !isKnown(index - 1) && !isKnown(index + 1));
}
