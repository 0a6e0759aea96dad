import type { AuditEntry } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { TargetLink } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count } from '../parts/number.ts';
import { Page } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Status } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import type { Place } from '../router/router.ts';

const FIELDS = [
  { name: 'actor', label: 'Who' },
  { name: 'action', label: 'What', placeholder: 'consumers.pause' },
  { name: 'target', label: 'To what', placeholder: 'consumer/billing' },
  {
    name: 'outcome',
    label: 'Outcome',
    options: [
      ['', 'any'],
      ['done', 'done'],
      ['failed', 'failed'],
      ['denied', 'denied'],
    ],
  },
  { name: 'from', label: 'From', type: 'datetime-local' },
  { name: 'to', label: 'Until', type: 'datetime-local' },
] as const;

export const AUDIT_COLUMNS: readonly Column<AuditEntry>[] = [
  { head: 'When', isName: true, cell: ({ at }) => <Time at={at} /> },
  { head: 'Who', isLong: true, cell: ({ actor }) => <Foreign most={80}>{actor}</Foreign> },
  { head: 'What', isLong: true, cell: ({ action, via }) => <What action={action} via={via} /> },
  { head: 'To what', isLong: true, cell: ({ target }) => <TargetLink target={target} /> },
  {
    head: 'Events',
    align: 'end',
    cell: ({ affected }) => (affected === null ? '–' : count(affected)),
  },
  { head: 'Outcome', cell: ({ outcome }) => <Status of={outcome} /> },
  { head: 'Why', isLong: true, cell: (entry) => <Why entry={entry} /> },
];

function What({ action, via }: { action: string; via: string }) {
  return (
    <>
      <Foreign>{action}</Foreign> <span class="muted small">via {via}</span>
    </>
  );
}

function Why({ entry: { reason, before, after } }: { entry: AuditEntry }) {
  const hasChange = before !== null || after !== null;
  return (
    <>
      {reason === null ? <span class="muted">not said</span> : <Foreign most={300}>{reason}</Foreign>}
      {hasChange && (
        <details>
          <summary class="small">What changed</summary>
          <p class="small">
            <span class="muted">before</span> <Foreign most={600}>{JSON.stringify(before)}</Foreign>
          </p>
          <p class="small">
            <span class="muted">after</span> <Foreign most={600}>{JSON.stringify(after)}</Foreign>
          </p>
        </details>
      )}
    </>
  );
}

/** Who changed what, when and why, and who was not allowed to. */
export function AuditPage({ place }: { place: Place }) {
  const query = Object.fromEntries(
    [...FIELDS.map(({ name }) => name), 'after'].map((name) => [name, place.query.get(name) ?? undefined]),
  );
  const isFiltered = FIELDS.some(({ name }) => query[name] !== undefined);
  const reading = useRead('GET audit', { query });
  return (
    <Page
      title="Audit"
      about="Who changed what, when and why, and who was not allowed to. It is kept for 400 days."
    >
      <Filter place={place} fields={FIELDS} />
      <Loaded from={reading}>
        {({ items, next, scannedTo }) =>
          items.length === 0 && scannedTo !== null ? (
            <>
              <Empty title="No entry was found yet.">
                The search has looked back to <Time at={scannedTo} />. The next page continues from there.
              </Empty>
              <Pager place={place} next={next} shown={0} />
            </>
          ) : items.length === 0 ? (
            <Empty title={isFiltered ? 'No entry matches the filter.' : 'Nobody has changed anything yet.'}>
              Every change by a person, a command or the application is noted here.
              {isFiltered && ' Try a longer time.'}
            </Empty>
          ) : (
            <>
              <Table caption="Changes" columns={AUDIT_COLUMNS} rows={items} keyOf={({ id }) => String(id)} />
              <Pager place={place} next={next} shown={items.length} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
