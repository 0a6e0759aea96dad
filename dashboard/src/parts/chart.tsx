import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Drawing, Line } from './draw.ts';
import { CODE_MISSING } from './loading.tsx';
import { duration } from './number.ts';
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
  readonly least?: number | undefined;
}

/** A chart over time, and the same as a table. */
export function LineChart({ title, times, lines, format, empty, least = 1 }: ChartProps) {
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
        />
      )}
    </Figure>
  );
}

function Figure({
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

function Canvas({ title, times, lines, format, least = 1 }: Omit<ChartProps, 'empty'>) {
  const holder = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | undefined>(undefined);
  const data = { times, lines, format, least, isDuration: format === duration };
  const given = useRef(data);
  given.current = data;
  const isLoading = useRef(false);
  const [isMissing, setIsMissing] = useState(false);
  useEffect(() => {
    if (drawing.current !== undefined) return drawing.current.show(given.current);
    if (isLoading.current) return;
    isLoading.current = true;
    // The library that draws is only loaded where something is drawn. If that fails, the next values try again.
    import('./draw.ts')
      .then(
        ({ draw }) => {
          if (holder.current !== null) drawing.current = draw(holder.current, given.current);
          setIsMissing(false);
        },
        () => setIsMissing(true),
      )
      .finally(() => {
        isLoading.current = false;
      });
  });
  useEffect(() => () => drawing.current?.end(), []);
  const last = lines.map(({ name, values }) => `${visible(name)}: ${textOfLast(values, format)}`);
  return (
    <>
      {isMissing && <p class="muted chart-empty">{CODE_MISSING}</p>}
      <div ref={holder} class="canvas" role="img" aria-label={`${title}. Now ${last.join(', ')}.`} />
      <ul class="legend">
        {lines.map(({ name, values }, index) => (
          <li key={name} class={`line-${index}`}>
            <Foreign>{name}</Foreign> <b>{textOfLast(values, format)}</b>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What was known last. A step that has only begun may not be known yet. */
function textOfLast(values: Line['values'], format: ChartProps['format']): string {
  const value = values.at(-1) ?? values.at(-2) ?? null;
  return value === null ? '–' : format(value);
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
