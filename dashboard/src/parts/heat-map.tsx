import { useState } from 'preact/hooks';
import { type ChangeMark, Figure } from './chart.tsx';
import { count, counted } from './number.ts';
import { point, usePointed } from './pointed.ts';
import { Foreign, NameLink, visible } from './text.tsx';
import { absolute } from './time.tsx';

export interface HeatRow {
  readonly name: string;
  readonly href?: string | undefined;
  /** One value for each step. Null where nothing is known. */
  readonly values: readonly (number | null)[];
}

interface HeatProps {
  readonly title: string;
  /** What a value counts: `events`. */
  readonly what: string;
  /** What the names of the rows are. */
  readonly of: string;
  /** When each step begins, in milliseconds. */
  readonly times: readonly number[];
  readonly stepMs: number;
  readonly rows: readonly HeatRow[];
  readonly empty: string;
  /** What was changed. The step of each has a mark. */
  readonly changes: readonly ChangeMark[];
}

/** The strongest of the colours in `charts.css`. */
const LEVELS = 5;
/** In pixels. A link that is lower is hard to press. */
const ROW = 24;

/** A row for each name and a column for each step, the stronger its colour the more, and the same figures as a table. */
export function HeatMap(props: HeatProps) {
  const [isTable, setIsTable] = useState(false);
  const { title, rows, empty } = props;
  const hasData = rows.some(({ values }) => values.some((value) => value !== null && value > 0));
  return (
    <Figure title={title} isTable={isTable} onToggle={() => setIsTable(!isTable)} hasData={hasData}>
      {!hasData ? (
        <p class="muted chart-empty">{empty}</p>
      ) : isTable ? (
        <HeatTable {...props} />
      ) : (
        <Picture {...props} />
      )}
    </Figure>
  );
}

function HeatTable({ title, of, times, rows }: HeatProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll it only while it has the focus
    <div class="chart-table" tabIndex={0}>
      <table class="heat-table">
        <caption class="unseen">{title}</caption>
        <thead>
          <tr>
            <th scope="col">{of}</th>
            {times.map((time) => (
              <th key={time} scope="col">
                {absolute(new Date(time))}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, values }) => (
            <tr key={name}>
              <th scope="row">
                <Foreign>{name}</Foreign>
              </th>
              {values.map((value, n) => (
                <td key={times[n]} class="end">
                  {value === null ? <span class="muted">no data</span> : count(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The step in which something was changed: -1 if it was before all of them. */
function stepOf(times: readonly number[], { at }: ChangeMark): number {
  return times.findLastIndex((time) => time <= Date.parse(at));
}

function Picture({ title, what, times, stepMs, rows, changes }: HeatProps) {
  const steps = new Set(changes.map((change) => stepOf(times, change)));
  const marks = [...steps].filter((step) => step >= 0);
  const most = Math.max(...rows.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const { at } = usePointed();
  const [row, setRow] = useState<number>();
  const column = at === undefined ? undefined : times.findLastIndex((time) => time <= at);
  const isAt = row !== undefined && column !== undefined && column >= 0;
  const chosen = isAt ? rows[Math.min(row, rows.length - 1)] : undefined;
  const time = isAt ? (times[column] ?? 0) : 0;
  const here = changes.filter((change) => isAt && stepOf(times, change) === column);
  const said =
    chosen === undefined
      ? `The strongest colour is ${count(most)} ${what}, and grey is no data`
      : `${absolute(new Date(time))} to ${absolute(new Date(time + stepMs))}, ${visible(chosen.name)}: ${figureOf(chosen.values[column ?? 0], what)}`;
  const stand = (toRow: number, toColumn: number) => {
    setRow(clamped(toRow, rows.length));
    point({ at: times[clamped(toColumn, times.length)] });
  };
  const leave = () => {
    setRow(undefined);
    point({ at: undefined });
  };
  return (
    <>
      <div class="heat">
        <ul>
          {rows.map(({ name, href }) => (
            <li key={name} title={visible(name)}>
              {href === undefined ? <Foreign>{name}</Foreign> : <NameLink href={href}>{name}</NameLink>}
            </li>
          ))}
        </ul>
        <svg
          role="img"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys go through the cells
          tabIndex={0}
          aria-label={`${title}. ${said}. ${counted(changes.length, 'change')} marked. The arrow keys go through the cells.`}
          viewBox={`0 0 ${times.length} ${rows.length * ROW}`}
          preserveAspectRatio="none"
          style={{ height: `${rows.length * ROW}px` }}
          onPointerMove={({ clientX, clientY, currentTarget }) => {
            const box = currentTarget.getBoundingClientRect();
            stand(
              Math.floor((clientY - box.top) / ROW),
              Math.floor(((clientX - box.left) / box.width) * times.length),
            );
          }}
          onPointerLeave={leave}
          onBlur={leave}
          onClick={() => isAt && point({ window: { from: time, to: time + stepMs } })}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && isAt) return point({ window: { from: time, to: time + stepMs } });
            if (event.key === 'Escape') return leave();
            const by = STEPS[event.key];
            if (by === undefined) return;
            event.preventDefault();
            if (!isAt) return stand(0, times.length - 1);
            stand(row + by[0], column + by[1]);
          }}
        >
          {rows.flatMap(({ values }, y) =>
            values.map((value, x) => (
              <rect
                key={`${x}/${y}`}
                class={`heat-${value === null ? 'none' : levelOf(value, most)}${y === row && x === column ? ' here' : ''}`}
                x={x}
                y={y * ROW}
                width={1}
                height={ROW - 1}
              />
            )),
          )}
          {marks.map((x) => (
            <path key={x} class="heat-mark" d={`M${x + 0.5} 0v${rows.length * ROW}`} />
          ))}
        </svg>
      </div>
      <div class="legend-of">
        <p class="small heat-times">
          <span>{absolute(new Date(times[0] ?? 0))}</span>
          <span>{absolute(new Date((times.at(-1) ?? 0) + stepMs))}</span>
        </p>
        <p class="small" role="status">
          {said}
        </p>
        {here.map(({ at: changed, says }) => (
          <p key={`${changed}${says}`} class="small mark-text">
            {absolute(new Date(changed))}: <Foreign most={300}>{says}</Foreign>
          </p>
        ))}
      </div>
    </>
  );
}

const STEPS: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

function clamped(index: number, length: number): number {
  return Math.max(0, Math.min(length - 1, index));
}

function figureOf(value: number | null | undefined, what: string): string {
  return value === null || value === undefined ? 'no data' : `${count(value)} ${what}`;
}

/** Ten times as much is some levels stronger, so that a few are seen beside very many. None is 0. */
function levelOf(value: number, most: number): number {
  return value === 0 ? 0 : Math.max(1, Math.ceil((LEVELS * Math.log1p(value)) / Math.log1p(most)));
}
