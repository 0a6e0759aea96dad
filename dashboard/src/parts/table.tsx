import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { live } from '../live/live.ts';

export interface ColumnOrder {
  readonly name: string;
  readonly first: 'ascending' | 'descending';
  /** The name of the same order from its other end, where that is one too. A second press asks for it. */
  readonly turned?: string | undefined;
}

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly align?: 'end' | undefined;
  /** Whether the cell names the row. */
  readonly isName?: boolean | undefined;
  /** Whether its text may be broken anywhere. */
  readonly isLong?: boolean | undefined;
  /** The name of the order by this column, where there is one, and which end of it comes first. */
  readonly order?: ColumnOrder | undefined;
}

/** In which order the rows are, by the name that a column has for it. */
export interface Ordering {
  readonly order: string;
  readonly change: (order: string) => void;
}

export interface Selection {
  readonly chosen: ReadonlySet<string>;
  readonly change: (chosen: ReadonlySet<string>) => void;
  readonly nameOf: (key: string) => string;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly selection?: Selection | undefined;
  readonly ordering?: Ordering | undefined;
  readonly isBusy?: boolean | undefined;
}

/** A table. Where its columns do not fit, each row becomes a card; the roles keep it a table for screen readers. */
export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
  selection,
  ordering,
  isBusy = false,
}: TableProps<Row>) {
  useHold((selection?.chosen.size ?? 0) > 0);
  const holder = useCards();
  const keys = rows.map(keyOf);
  const isAll = keys.length > 0 && keys.every((key) => selection?.chosen.has(key));
  return (
    // biome-ignore-start lint/a11y/noRedundantRoles: a table that is laid out as cards has no roles of its own
    <div class="table-holder" ref={holder}>
      <table role="table" aria-busy={isBusy}>
        <caption class="unseen">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {selection !== undefined && (
              <th role="columnheader" scope="col" class="tick">
                <input
                  type="checkbox"
                  aria-label="Select all rows of this page"
                  checked={isAll}
                  onChange={() => selection.change(withAll(selection.chosen, keys, !isAll))}
                />
              </th>
            )}
            {columns.map((column) => (
              <Head key={column.head} column={column} ordering={ordering} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row, index) => {
            const key = keys[index] ?? '';
            return (
              <tr role="row" key={key} class={selection?.chosen.has(key) ? 'chosen' : undefined}>
                {selection !== undefined && (
                  <td role="cell" class="tick">
                    <input
                      type="checkbox"
                      aria-label={`Select ${selection.nameOf(key)}`}
                      checked={selection.chosen.has(key)}
                      onChange={() => selection.change(toggled(selection.chosen, key))}
                    />
                  </td>
                )}
                {columns.map(({ head, cell, align, isName, isLong }) => {
                  const style = [align, isLong ? 'long' : '', isName ? 'name' : ''].filter(Boolean).join(' ');
                  return isName ? (
                    <th role="rowheader" scope="row" class={style} key={head} data-head={head}>
                      {cell(row)}
                    </th>
                  ) : (
                    <td role="cell" class={style} key={head} data-head={head}>
                      {cell(row)}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
    // biome-ignore-end lint/a11y/noRedundantRoles: a table that is laid out as cards has no roles of its own
  );
}

/** The head of a column. Where the rows can be in the order of the column, it is the button for that. */
function Head<Row>({
  column: { head, align, order },
  ordering,
}: {
  column: Column<Row>;
  ordering: Ordering | undefined;
}) {
  const sort = sortOf(order, ordering?.order);
  return (
    // biome-ignore lint/a11y/noRedundantRoles: a table that is laid out as cards has no roles of its own
    <th role="columnheader" scope="col" class={align} aria-sort={sort}>
      {order === undefined || ordering === undefined ? (
        head
      ) : (
        <button
          type="button"
          class="head"
          onClick={() => ordering.change(sort === order.first ? (order.turned ?? order.name) : order.name)}
        >
          {head}
          {sort !== undefined && <span aria-hidden="true">{sort === 'ascending' ? ' ▲' : ' ▼'}</span>}
        </button>
      )}
    </th>
  );
}

/** In which way the rows are in the order of a column. Undefined if they are in another one. */
function sortOf(order: ColumnOrder | undefined, now: string | undefined): ColumnOrder['first'] | undefined {
  if (order === undefined || now === undefined) return undefined;
  if (now === order.name) return order.first;
  if (now !== order.turned) return undefined;
  return order.first === 'ascending' ? 'descending' : 'ascending';
}

/** In a window below this width cards are easier to read, also where the columns would fit. */
const NARROW = 700;

/** Lays the rows of a table out as cards, where its place is too narrow for it. */
function useCards() {
  const holder = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => layOut(holder.current));
  useEffect(() => {
    // What it changes is seen in the next frame: within this one it would be told of its own change.
    const resized = new ResizeObserver(() => requestAnimationFrame(() => layOut(holder.current)));
    if (holder.current !== null) resized.observe(holder.current);
    return () => resized.disconnect();
  }, []);
  return holder;
}

function layOut(holder: HTMLDivElement | null): void {
  if (holder === null) return;
  const { classList, clientWidth } = holder;
  // The table is measured as a table. Nothing is painted in between.
  classList.remove('cards');
  classList.toggle('cards', innerWidth < NARROW || holder.scrollWidth > clientWidth);
}

/** Nothing is read again while rows are selected. */
export function useHold(isHeld: boolean): void {
  const self = useRef({});
  useEffect(() => {
    live.holdFor(self.current, isHeld);
    return () => live.holdFor(self.current, false);
  }, [isHeld]);
}

/** Rows of other pages stay chosen. */
function withAll(
  chosen: ReadonlySet<string>,
  keys: readonly string[],
  isWanted: boolean,
): ReadonlySet<string> {
  const next = new Set(chosen);
  for (const key of keys) {
    if (isWanted) next.add(key);
    else next.delete(key);
  }
  return next;
}

function toggled(chosen: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(chosen);
  if (!next.delete(key)) next.add(key);
  return next;
}
