import type { WebhookSource } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Loaded, LoadedPage } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { EndpointsTable } from './endpoints-table.tsx';
import { RefusalsTable } from './refusals-table.tsx';
import { Maybe, SourceMark } from './source-state.tsx';

const ABOVE = <a href={to(['webhooks'])}>Sources of webhooks</a>;

/** One source: what became of its requests, who was refused, and its endpoints. */
export function SourcePage({ place }: { place: Place }) {
  const name = place.path[1] ?? '';
  const reading = useRead('GET webhooks/sources/{source}', { path: { source: name } });
  return (
    <LoadedPage from={reading} title={name} above={ABOVE}>
      {(source) => <Shown name={name} source={source} />}
    </LoadedPage>
  );
}

function Shown({ name, source }: { name: string; source: WebhookSource }) {
  const refusals = useRead('GET webhooks/refusals', { query: { source: name } });
  const endpoints = useRead('GET webhooks/endpoints', { query: { source: name } });
  const steps = Object.entries(source.refused).sort(([, a], [, b]) => b - a);
  return (
    <Page
      title={name}
      above={ABOVE}
      about={source.known ? undefined : 'The process that answers has no source of this name.'}
      acts={<SourceMark source={source} />}
    >
      {source.refusedSince !== null && (
        <div class="box warn">
          <p>
            Everything has been refused since <Time at={source.refusedSince} />. The doctor says what this
            means and what mends it, if it goes on for some minutes.{' '}
            <a href={to(['doctor'])}>Ask the doctor</a>
          </p>
        </div>
      )}
      <Panel title="Requests within 14 days">
        <Facts>
          {[
            ['Accepted', count(source.accepted)],
            ['Repeated', count(source.repeated)],
            ['Did not fit their schema', count(source.invalid)],
            ['Handshakes', count(source.handshakes)],
            ['Failed', count(source.failed)],
            ['Last good', <Maybe key="g" at={source.lastAcceptedAt} />],
            ['Last refused', <Maybe key="r" at={source.lastRefusedAt} />],
          ]}
        </Facts>
      </Panel>
      <Panel title="Refused, by step">
        {steps.length === 0 ? (
          <p class="muted">Nothing was refused.</p>
        ) : (
          <Table
            caption="Refused requests by step"
            rows={steps}
            keyOf={([step]) => step}
            columns={[
              { head: 'Step', isName: true, cell: ([step]) => step },
              { head: 'Requests', align: 'end', cell: ([, times]) => count(times) },
            ]}
          />
        )}
      </Panel>
      <Panel
        title="The last 50 refused"
        about="Nobody has verified these requests. Their ids are what a stranger may have written."
      >
        <Loaded from={refusals}>{({ items }) => <RefusalsTable rows={items} hasSource={false} />}</Loaded>
      </Panel>
      <Panel title="Endpoints of tenants">
        <Loaded from={endpoints}>
          {({ items, next }) =>
            items.length === 0 ? (
              <p class="muted">It has none.</p>
            ) : (
              <>
                <EndpointsTable rows={items} />
                {next !== null && <a href={to(['webhook-endpoints'], { source: name })}>See all of them</a>}
              </>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}
