import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Table } from './table.tsx';
import { absolute } from './time.tsx';

export interface Line {
  readonly name: string;
  /** One value for each time. Null where nothing is known. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Times in milliseconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly empty: string;
}

/** A chart over time, and the same as a table. */
export function LineChart({ title, times, lines, format, empty }: ChartProps) {
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
        <div class="chart-table">
          <Table
            caption={title}
            keyOf={({ time }) => String(time)}
            rows={rows.slice(-200).reverse()}
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
        <Canvas title={title} times={times} lines={lines} format={format} />
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

type Drawing = import('./draw.ts').Drawing;

function Canvas({ title, times, lines, format }: Omit<ChartProps, 'empty'>) {
  const holder = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | undefined>(undefined);
  const given = useRef({ times, lines, format });
  given.current = { times, lines, format };
  useEffect(() => {
    let isGone = false;
    // The library that draws is only loaded where something is drawn.
    void import('./draw.ts').then(({ draw }) => {
      if (!isGone && holder.current !== null) drawing.current = draw(holder.current, given.current);
    });
    return () => {
      isGone = true;
      drawing.current?.end();
    };
  }, []);
  useEffect(() => drawing.current?.show(given.current));
  const last = lines.map(({ name, values }) => {
    const value = values.at(-1) ?? null;
    return `${name}: ${value === null ? 'not known' : format(value)}`;
  });
  return (
    <>
      <div ref={holder} class="canvas" role="img" aria-label={`${title}. Now ${last.join(', ')}.`} />
      <ul class="legend">
        {lines.map(({ name, values }, index) => {
          const value = values.at(-1) ?? null;
          return (
            <li key={name} class={`line-${index}`}>
              {name} <b>{value === null ? '–' : format(value)}</b>
            </li>
          );
        })}
      </ul>
    </>
  );
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
