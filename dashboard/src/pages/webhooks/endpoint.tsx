import { useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import type { WebhookEndpoint } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Act } from '../../parts/button.tsx';
import { curlOf } from '../../parts/command.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Loaded, LoadedPage } from '../../parts/loading.tsx';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { Table } from '../../parts/table.tsx';
import { Code, Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { EndpointMark } from './endpoints-table.tsx';
import { RefusalsTable } from './refusals-table.tsx';
import { sourceHref } from './webhook-links.ts';

const ABOVE = <a href={to(['webhook-endpoints'])}>Endpoints of webhooks</a>;

/** One endpoint of a tenant, and who was refused there. */
export function EndpointPage({ place }: { place: Place }) {
  const id = place.path[1] ?? '';
  const reading = useRead('GET webhooks/endpoints/{id}', { path: { id } });
  return (
    <LoadedPage from={reading} title={id} above={ABOVE}>
      {(endpoint) => <Shown endpoint={endpoint} reload={reading.reload} />}
    </LoadedPage>
  );
}

function Shown({ endpoint, reload }: { endpoint: WebhookEndpoint; reload: () => void }) {
  const { id, tenantId, source, externalId, status, url, path, createdAt, secrets } = endpoint;
  const refusals = useRead('GET webhooks/refusals', { query: { source } });
  const [isAsked, setAsked] = useState(false);
  const isPaused = status === 'paused';
  return (
    <Page
      title={id}
      above={ABOVE}
      acts={
        <>
          <EndpointMark status={status} />
          <Act kind={isPaused ? 'primary' : 'plain'} needs="webhooks.change" onAct={() => setAsked(true)}>
            {isPaused ? 'Resume' : 'Pause'}
          </Act>
        </>
      }
    >
      <Panel title="Details">
        <Facts>
          {[
            ['Tenant', <Foreign key="t">{tenantId}</Foreign>],
            [
              'Source',
              <NameLink key="s" href={sourceHref(source)}>
                {source}
              </NameLink>,
            ],
            ['Address', <Code key="u">{url ?? path}</Code>],
            ['Account', externalId === null ? 'not noted' : <Foreign key="a">{externalId}</Foreign>],
            ['Created', <Time key="c" at={createdAt} />],
            [
              'Changes',
              <a key="h" href={to(['audit'], { target: `webhook-endpoint/${id}` })}>
                See the audit
              </a>,
            ],
          ]}
        </Facts>
      </Panel>
      <Panel title="Secrets that are valid" about="A secret is never shown.">
        {secrets.length === 0 ? (
          <p class="muted">It has none, so no delivery can be verified.</p>
        ) : (
          <Table
            caption="Secrets that are valid"
            rows={secrets}
            keyOf={({ version }) => String(version)}
            columns={[
              { head: 'Version', isName: true, cell: ({ version }) => version },
              { head: 'Stored', cell: ({ rotatedAt }) => <Time at={rotatedAt} /> },
              {
                head: 'Valid until',
                cell: ({ validUntil }) => (validUntil === null ? 'it is rotated' : <Time at={validUntil} />),
              },
            ]}
          />
        )}
      </Panel>
      <Panel title="Refused here" about="Among the last 50 refused requests of the source.">
        <Loaded from={refusals}>
          {({ items }) => (
            <RefusalsTable
              rows={items.filter(({ endpointId }) => endpointId?.toLowerCase() === id)}
              hasSource={false}
            />
          )}
        </Loaded>
      </Panel>
      {isAsked && (
        <PauseOrResume
          endpoint={endpoint}
          onClose={() => {
            setAsked(false);
            reload();
          }}
        />
      )}
    </Page>
  );
}

function PauseOrResume({
  endpoint: { id, status },
  onClose,
}: {
  endpoint: WebhookEndpoint;
  onClose: () => void;
}) {
  const isPaused = status === 'paused';
  const route = isPaused ? 'POST webhooks/endpoints/{id}/resume' : 'POST webhooks/endpoints/{id}/pause';
  const argsOf = (reason: string | undefined) => ({
    path: { id },
    body: reason === undefined ? {} : { reason },
  });
  return (
    <Confirm
      title={isPaused ? 'Resume the endpoint' : 'Pause the endpoint'}
      act={isPaused ? 'Resume' : 'Pause'}
      command={(reason) => curlOf(route, argsOf(reason))}
      onAct={(reason) => call(route, argsOf(reason))}
      onClose={onClose}
    >
      <p class="muted">
        {isPaused
          ? 'Deliveries are taken in again. A sender that has not given up repeats those of the pause.'
          : 'Genuine deliveries are answered 503 until somebody resumes it. A sender gives up after hours or days, and some never repeat.'}
      </p>
    </Confirm>
  );
}
