import type { WebhookSource } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Empty } from '../../parts/empty.tsx';
import { Loaded } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Page, Panel } from '../../parts/page.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { NameLink } from '../../parts/text.tsx';
import { RefusalsTable } from './refusals-table.tsx';
import { Maybe, refusedOf, SourceMark, stepsOf } from './source-state.tsx';
import { sourceHref } from './webhook-links.ts';

const COLUMNS: readonly Column<WebhookSource>[] = [
  {
    head: 'Source',
    isName: true,
    isLong: true,
    cell: ({ source }) =>
      source === null ? (
        'Names that are not a source'
      ) : (
        <NameLink href={sourceHref(source)}>{source}</NameLink>
      ),
  },
  {
    head: 'State',
    cell: (source) => (source.source === null ? null : <SourceMark source={source} />),
  },
  { head: 'Accepted', align: 'end', cell: ({ accepted }) => count(accepted) },
  { head: 'Repeated', align: 'end', cell: ({ repeated }) => count(repeated) },
  { head: 'Invalid', align: 'end', cell: ({ invalid }) => count(invalid) },
  { head: 'Failed', align: 'end', cell: ({ failed }) => count(failed) },
  {
    head: 'Refused',
    isLong: true,
    cell: (source) => (
      <div class="stack">
        <span>{count(refusedOf(source))}</span>
        <span class="muted">{stepsOf(source)}</span>
      </div>
    ),
  },
  {
    head: 'Last',
    cell: ({ lastAcceptedAt, lastRefusedAt }) => (
      <div class="stack">
        <span>
          good: <Maybe at={lastAcceptedAt} />
        </span>
        <span>
          refused: <Maybe at={lastRefusedAt} />
        </span>
      </div>
    ),
  },
];

/** Where webhooks come from, what became of them, and who was refused. */
export function SourcesPage() {
  const reading = useRead('GET webhooks/sources', {});
  const refusals = useRead('GET webhooks/refusals', { query: { limit: 50 } });
  return (
    <Page
      title="Sources of webhooks"
      about="What became of the requests of each source within 14 days. Processes write it every five seconds."
    >
      <Loaded from={reading}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="There is no source.">
              A source appears when it stands in the options of WebhooksModule. The guide says how under
              “Webhooks”.
            </Empty>
          ) : (
            <Table
              caption="Sources of webhooks"
              columns={COLUMNS}
              rows={items}
              keyOf={({ source }) => source ?? ''}
            />
          )
        }
      </Loaded>
      <Panel
        title="Refused last"
        about="Nobody has verified these requests. Their ids are what a stranger may have written."
      >
        <Loaded from={refusals}>{({ items }) => <RefusalsTable rows={items} hasSource />}</Loaded>
      </Panel>
    </Page>
  );
}
