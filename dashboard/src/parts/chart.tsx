import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Drawing, Line } from './draw.ts';
import { CODE_MISSING } from './loading.tsx';
import { counted, duration } from './number.ts';
import { point, usePointed } from './pointed.ts';
import { Table } from './table.tsx';
import { Foreign, visible } from './text.tsx';
import { absolute } from './time.tsx';

interface ChartProps {
  readonly title: string;
  /** Times in milliseconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly empty: string;
  /** The smallest top of the axis. The default is 1. */
  readonly least?: number;
  /** What was changed. Each has a mark. */
  readonly changes?: readonly ChangeMark[];
}

type CanvasProps = Required<Omit<ChartProps, 'empty'>>;

export interface ChangeMark {
  readonly at: string;
  readonly says: string;
}

const NONE: readonly ChangeMark[] = [];

/** A chart over time, and the same as a table. */
export function LineChart({ title, times, lines, format, empty, least = 1, changes = NONE }: ChartProps) {
  const [isTable, setIsTable] = useState(false);
  const rows = times.map((time, index) => ({
    time,
    values: lines.map(({ values }) => values[index] ?? null),
  }));
  return (
    <Figure title={title} isTable={isTable} onToggle={() => setIsTable(!isTable)} hasData={times.length > 1}>
      {times.length < 2 ? (
        <p class="muted chart-empty">{empty}</p>
      ) : isTable ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll it only while it has the focus
        <div class="chart-table" tabIndex={0}>
          <Table
            caption={title}
            keyOf={({ time }) => String(time)}
            rows={rows.reverse()}
            columns={[
              { head: 'Time', cell: ({ time }) => absolute(new Date(time)), isName: true },
              ...lines.map(({ name }, index) => ({
                head: name,
                align: 'end' as const,
                cell: ({ values }: (typeof rows)[number]) => {
                  const value = values[index] ?? null;
                  return value === null ? '–' : format(value);
                },
              })),
            ]}
          />
        </div>
      ) : (
        <Canvas
          key={lines.map(({ name }) => name).join('\n')}
          title={title}
          times={times}
          lines={lines}
          format={format}
          least={least}
          changes={changes}
        />
      )}
    </Figure>
  );
}

export function Figure({
  title,
  isTable,
  hasData,
  onToggle,
  children,
}: {
  title: string;
  isTable: boolean;
  hasData: boolean;
  onToggle: () => void;
  children: ComponentChildren;
}) {
  return (
    <figure class="panel chart" aria-label={title}>
      <figcaption class="panel-head">
        <h2>{title}</h2>
        {hasData && (
          <button type="button" class="link" aria-pressed={isTable} onClick={onToggle}>
            {isTable ? 'As chart' : 'As table'}
          </button>
        )}
      </figcaption>
      {children}
    </figure>
  );
}

function Canvas({ title, times, lines, format, least, changes }: CanvasProps) {
  const holder = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | undefined>(undefined);
  const marks = changes.map(({ at }) => new Date(at).getTime());
  const data = { times, lines, format, least, isDuration: format === duration, marks };
  const given = useRef(data);
  given.current = data;
  const isLoading = useRef(false);
  const [isMissing, setIsMissing] = useState(false);
  const { at } = usePointed();
  useEffect(() => {
    if (drawing.current !== undefined) return drawing.current.show(given.current);
    if (isLoading.current) return;
    isLoading.current = true;
    // The library that draws is only loaded where something is drawn. If that fails, the next values try again.
    import('./draw.ts')
      .then(
        ({ draw }) => {
          if (holder.current !== null) drawing.current = draw(holder.current, given.current, ACTS);
          setIsMissing(false);
        },
        () => setIsMissing(true),
      )
      .finally(() => {
        isLoading.current = false;
      });
  }, [times, lines, format, least, changes]);
  useEffect(() => drawing.current?.point(at), [at]);
  useEffect(() => () => drawing.current?.end(), []);
  const index = at === undefined ? latestOf(lines) : indexOf(times, at);
  const time = times[index] ?? 0;
  const here = changes.filter((_, n) => indexOf(times, marks[n] ?? 0) === index && at !== undefined);
  const texts = lines.map(({ name, values, isPeak = false }) => ({
    name,
    text: `${isPeak && values[index] != null ? 'at most ' : ''}${textOf(values[index], format)}`,
  }));
  const when = `${at === undefined ? 'Latest, ' : ''}${absolute(new Date(time))}`;
  const said = texts.map(({ name, text }) => `${visible(name)}: ${text}`).join(', ');
  return (
    <>
      {isMissing && <p class="muted chart-empty">{CODE_MISSING}</p>}
      <div
        ref={holder}
        class="canvas"
        role="img"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys go through the values
        tabIndex={0}
        aria-label={`${title}. ${when}: ${said}. ${counted(changes.length, 'change')} marked. The arrow keys go through the values.`}
        onKeyDown={(event) => {
          const to = indexByKey(event.key, index, times.length);
          if (to === undefined) return;
          event.preventDefault();
          point({ at: to === null ? undefined : times[to] });
        }}
        onBlur={() => point({ at: undefined })}
      />
      <div class="legend-of">
        <p class="muted small">{when}</p>
        <ul class="legend">
          {texts.map(({ name, text }, n) => (
            <li key={name} class={lines[n]?.isPast ? 'line-past' : `line-${n}`}>
              <Foreign>{name}</Foreign> <b>{text}</b>
            </li>
          ))}
        </ul>
        {here.map(({ at: changed, says }) => (
          <p key={`${changed}${says}`} class="small mark-text">
            {absolute(new Date(changed))}: <Foreign most={300}>{says}</Foreign>
          </p>
        ))}
      </div>
    </>
  );
}

const ACTS = {
  onPoint: (at: number | undefined) => point({ at }),
  onWindow: (from: number, to: number) => point({ window: { from, to } }),
};

/** The step that the time is in. The first one, where the time is before all of them. */
function indexOf(times: readonly number[], at: number): number {
  return Math.max(
    0,
    times.findLastIndex((time) => time <= at),
  );
}

/** The index that a key leads to. Null to leave the values, undefined for other keys. */
function indexByKey(key: string, index: number, count: number): number | null | undefined {
  if (key === 'Escape') return null;
  if (key === 'ArrowLeft') return Math.max(0, index - 1);
  if (key === 'ArrowRight') return Math.min(count - 1, index + 1);
  if (key === 'Home') return 0;
  return key === 'End' ? count - 1 : undefined;
}

/** What was known last. A step that has only begun may not be known yet. */
function latestOf(lines: readonly Line[]): number {
  const last = Math.max(0, (lines[0]?.values.length ?? 1) - 1);
  return last > 0 && lines.every(({ values }) => values[last] == null) ? last - 1 : last;
}

function textOf(value: number | null | undefined, format: ChartProps['format']): string {
  return value == null ? '–' : format(value);
}

export interface Bar {
  readonly name: string;
  readonly href?: string | undefined;
  readonly value: number;
  readonly text: string;
}

/** Bars with their names and values as text, so the chart is its own table. */
export function Bars({ title, bars, empty }: { title: string; bars: readonly Bar[]; empty: string }) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <section class="panel chart" aria-label={title}>
      <div class="panel-head">
        <h2>{title}</h2>
      </div>
      {bars.length === 0 ? (
        <p class="muted chart-empty">{empty}</p>
      ) : (
        <table class="bars">
          <caption class="unseen">{title}</caption>
          <thead class="unseen">
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {bars.map(({ name, href, value, text }) => (
              <tr key={name}>
                <th scope="row">
                  {href === undefined ? (
                    <bdi>{name}</bdi>
                  ) : (
                    <a href={href}>
                      <bdi>{name}</bdi>
                    </a>
                  )}
                  <span class="bar" aria-hidden="true">
                    <span style={{ width: `${value === 0 ? 0 : Math.max(0.6, (100 * value) / most)}%` }} />
                  </span>
                </th>
                <td class="end">{text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
