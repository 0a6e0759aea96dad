export interface Series {
  label: string;
  points: { x: number; y: number }[];
}

export interface LineChart {
  title: string;
  xLabel: string;
  yLabel: string;
  series: Series[];
}

const WIDTH = 720;
const HEIGHT = 420;
const PLOT = { left: 76, right: 190, top: 48, bottom: 56 };
const COLORS = ['#0b6e4f', '#c0392b', '#1f618d', '#b7950b', '#7d3c98', '#5d6d7e', '#d35400'];

/** A chart with logarithmic axes, as a standalone SVG: throughput and sizes span several powers of ten. */
export function renderLineChart(chart: LineChart): string {
  const points = chart.series
    .flatMap((series) => series.points)
    .filter((point) => point.x > 0 && point.y > 0);
  const x = logScale(
    points.map((point) => point.x),
    PLOT.left,
    WIDTH - PLOT.right,
  );
  const steps = stepsAround(points.map((point) => point.y));
  const y = logScale(steps, HEIGHT - PLOT.bottom, PLOT.top);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escapeXml(chart.title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(PLOT.left, 26, chart.title, 'font-size="16" font-weight="600"'),
    ...yGrid(steps, y),
    ...xTicks(points, x),
    text((PLOT.left + WIDTH - PLOT.right) / 2, HEIGHT - 14, chart.xLabel, 'text-anchor="middle" fill="#555"'),
    text(
      18,
      HEIGHT / 2,
      chart.yLabel,
      `text-anchor="middle" fill="#555" transform="rotate(-90 18 ${HEIGHT / 2})"`,
    ),
    ...chart.series.flatMap((series, index) => renderSeries(series, index, x, y)),
    ...legend(chart.series, y),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

type Scale = (value: number) => number;

function logScale(values: number[], from: number, to: number): Scale {
  const low = Math.log10(Math.min(...values));
  const high = Math.log10(Math.max(...values));
  const span = high - low || 1;
  return (value) => round(from + ((Math.log10(value) - low) / span) * (to - from));
}

/** The steps of 1, 2 and 5 around the values: enough lines to read a value from, at any span. */
function stepsAround(values: number[]): number[] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const steps: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    steps.push(...[1, 2, 5].map((digit) => digit * 10 ** power));
  const from = steps.findLastIndex((step) => step <= low);
  const to = steps.findIndex((step) => step >= high);
  return steps.slice(from, Math.max(to, from + 1) + 1);
}

/** Beyond this many steps only the powers of ten and the ends have a label. */
const LABELLED_STEPS = 10;

function yGrid(steps: number[], y: Scale): string[] {
  return steps.flatMap((value, index) => {
    const isPower = Number.isInteger(Math.log10(value));
    const labelled = isPower || steps.length <= LABELLED_STEPS || index === 0 || index === steps.length - 1;
    const line = `<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${y(value)}" y2="${y(value)}" stroke="${isPower ? '#cfcfcf' : '#ececec'}"/>`;
    return labelled
      ? [line, text(PLOT.left - 8, y(value) + 4, short(value), 'text-anchor="end" fill="#555"')]
      : [line];
  });
}

function xTicks(points: { x: number }[], x: Scale): string[] {
  const base = HEIGHT - PLOT.bottom;
  return [...new Set(points.map((point) => point.x))].flatMap((value) => [
    `<line x1="${x(value)}" x2="${x(value)}" y1="${base}" y2="${base + 5}" stroke="#999"/>`,
    text(x(value), base + 19, short(value), 'text-anchor="middle" fill="#555"'),
  ]);
}

function renderSeries(series: Series, index: number, x: Scale, y: Scale): string[] {
  const shown = series.points.filter((point) => point.x > 0 && point.y > 0);
  const path = shown.map((point) => `${x(point.x)},${y(point.y)}`).join(' ');
  return [
    `<polyline points="${path}" fill="none" stroke="${color(index)}" stroke-width="${index === 0 ? 3 : 1.8}"/>`,
    ...shown.map(
      (point) =>
        `<circle cx="${x(point.x)}" cy="${y(point.y)}" r="3.2" fill="${color(index)}"><title>${escapeXml(series.label)}: ${short(point.y)} at ${short(point.x)}</title></circle>`,
    ),
  ];
}

const LABEL_HEIGHT = 16;

/** Labels beside the ends of their lines, pushed apart where they would cover each other, and never below the plot. */
function legend(series: Series[], y: Scale): string[] {
  const labels = series
    .flatMap((one, index) => {
      const last = one.points.findLast((point) => point.y > 0);
      return last === undefined ? [] : [{ label: one.label, index, at: y(last.y) + 4 }];
    })
    .sort((a, b) => a.at - b.at);
  let free = PLOT.top;
  for (const label of labels) {
    label.at = Math.max(label.at, free);
    free = label.at + LABEL_HEIGHT;
  }
  let bottom = HEIGHT - PLOT.bottom + 4;
  for (const label of labels.toReversed()) {
    label.at = Math.min(label.at, bottom);
    bottom = label.at - LABEL_HEIGHT;
  }
  return labels.map(({ label, index, at }) =>
    text(WIDTH - PLOT.right + 10, round(at), label, `fill="${color(index)}"`),
  );
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`;
}

function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

const color = (index: number) => COLORS[index % COLORS.length] as string;
const round = (value: number) => Math.round(value * 10) / 10;
const escapeXml = (content: string) =>
  content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
