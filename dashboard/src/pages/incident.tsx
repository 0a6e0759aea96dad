import { useRead } from '../api/use-read.ts';
import { useDraft } from '../parts/draft.ts';
import { Filter } from '../parts/filter.tsx';
import { Loaded } from '../parts/loading.tsx';
import { Page, Panel } from '../parts/page.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { Place } from '../router/router.ts';
import { AUDIT_COLUMNS } from './audit.tsx';
import { Failed } from './incident-failures.tsx';
import { ProblemLines } from './problem-lines.tsx';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MOST_SHOWN = 200;
const WINDOW = [
  { name: 'from', label: 'From', type: 'datetime-local' },
  { name: 'to', label: 'Until', type: 'datetime-local' },
] as const;

/** An incident on one page, to print: what is wrong and since when, who did what, and what somebody writes. */
export function IncidentPage({ place }: { place: Place }) {
  const problems = useRead('GET problems', {});
  const to = place.query.get('to') ?? undefined;
  const from = place.query.get('from') ?? (problems.data && beginOf(problems.data.problems));
  const audit = useRead(
    'GET audit',
    { query: { from, to, limit: MOST_SHOWN } },
    { isWanted: from !== undefined },
  );
  return (
    <Page
      title="Incident"
      above={<a href="#/overview">Overview</a>}
      about={
        from !== undefined && (
          <>
            From <Time at={from} />{' '}
            {to === undefined ? (
              'until now'
            ) : (
              <>
                until <Time at={to} />
              </>
            )}
          </>
        )
      }
      acts={
        <button type="button" onClick={() => print()}>
          Print
        </button>
      }
    >
      <Filter place={place} fields={WINDOW} />
      <Panel title="What is wrong now">
        <Loaded from={problems}>
          {(list) =>
            list.problems.length === 0 ? (
              <p class="body muted">Nothing.</p>
            ) : (
              <ProblemLines list={list} onDone={problems.reload} />
            )
          }
        </Loaded>
      </Panel>
      {from !== undefined && <Failed from={from} to={to} />}
      <Notes name={`incident ${place.query.get('from') ?? 'now'}`} />
      <Panel
        title="Who did what"
        about="From the audit, the latest first. Refused and failed changes are in it as well."
      >
        <Loaded from={audit}>
          {({ items, next }) =>
            items.length === 0 ? (
              <p class="body muted">Nobody has changed anything in this time.</p>
            ) : (
              <>
                <Table
                  caption="Changes"
                  columns={AUDIT_COLUMNS}
                  rows={items}
                  keyOf={({ id }) => String(id)}
                />
                {next !== null && (
                  <p class="body muted">
                    These are the latest {MOST_SHOWN}. Choose a shorter time to see what came before.
                  </p>
                )}
              </>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

/** What somebody writes about it. It is kept in this tab only, and is printed. */
function Notes({ name }: { name: string }) {
  const notes = useDraft(name, '');
  return (
    <Panel title="Notes" about="They are kept in this tab only, until it is closed.">
      <div class="body">
        <textarea
          class="notes"
          aria-label="Notes"
          value={notes.value}
          onInput={(event) => notes.change(event.currentTarget.value)}
        />
        <p class="printed-notes">{notes.value}</p>
      </div>
    </Panel>
  );
}

/**
 * Ten minutes before the first problem began: what led to it may be there. An hour ago if nothing is wrong. It
 * is a full minute, because the audit is read again whenever this time changes.
 */
function beginOf(problems: readonly { since: string | null }[]): string {
  const begins = problems.flatMap(({ since }) => (since === null ? [] : Date.parse(since) - 10 * MINUTE_MS));
  const begin = Math.min(Date.now() - HOUR_MS, ...begins);
  return new Date(Math.floor(begin / MINUTE_MS) * MINUTE_MS).toISOString();
}
