import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Line } from './chart.tsx';

interface Data {
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}

export interface Drawing {
  show(data: Data): void;
  end(): void;
}

const HEIGHT = 190;
const DASHES = [[], [6, 4], [2, 3]];

/** Draws lines over time into an element, as wide as it is. */
export function draw(holder: HTMLElement, first: Data): Drawing {
  let { format } = first;
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
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { drag: { setScale: false } },
      scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [
        { ...axis, space: 70 },
        { ...axis, size: 62, values: (_, splits) => splits.map((value) => format(value)) },
      ],
      series: [
        {},
        ...first.lines.map(({ name }, index) => ({
          label: name,
          stroke: () => colour(`--line-${index}`),
          width: 2,
          dash: DASHES[index] ?? [],
          points: { show: false },
        })),
      ],
    },
    dataOf(first),
    holder,
  );
  const resized = new ResizeObserver(() => plot.setSize({ width: widthOf(holder), height: HEIGHT }));
  resized.observe(holder);
  const schemes = matchMedia('(prefers-color-scheme: dark)');
  const redraw = () => plot.redraw();
  schemes.addEventListener('change', redraw);
  return {
    show(data) {
      format = data.format;
      plot.setData(dataOf(data));
    },
    end() {
      resized.disconnect();
      schemes.removeEventListener('change', redraw);
      plot.destroy();
    },
  };
}

function widthOf(holder: HTMLElement): number {
  return Math.max(120, holder.clientWidth);
}

function dataOf({ times, lines }: Data): uPlot.AlignedData {
  return [times.map((time) => time / 1_000), ...lines.map(({ values }) => [...values])];
}
