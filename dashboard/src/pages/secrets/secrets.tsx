import type { Secret } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Empty } from '../../parts/empty.tsx';
import { Filter } from '../../parts/filter.tsx';
import { Loaded } from '../../parts/loading.tsx';
import { Page } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Mark } from '../../parts/status.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Code, Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';

const COLUMNS: readonly Column<Secret>[] = [
  { head: 'Secret', isName: true, isLong: true, cell: ({ name }) => <Foreign>{name}</Foreign> },
  {
    head: 'Owner',
    isLong: true,
    cell: ({ tenantId, ownerType, ownerId }) => (
      <>
        <Foreign most={120}>{`${ownerType} ${ownerId}`}</Foreign>
        {tenantId !== '' && (
          <div class="small">
            tenant <NameLink href={to(['secrets'], { tenant: tenantId })}>{tenantId}</NameLink>
          </div>
        )}
      </>
    ),
  },
  {
    head: 'Versions',
    isLong: true,
    cell: ({ versions }) =>
      versions.map(({ version, createdAt, validUntil, keyName }) => (
        <div key={version}>
          <div>
            <Code>{version}</Code> since <Time at={createdAt} />
          </div>
          <div class="muted small">
            key <Foreign>{keyName}</Foreign>
            {validUntil !== null && (
              <>
                , until <Time at={validUntil} />
              </>
            )}
          </div>
        </div>
      )),
  },
  {
    head: 'State',
    cell: ({ versions }) =>
      versions.every(({ readable }) => readable) ? (
        <Mark tone="ok">can be opened</Mark>
      ) : versions[0]?.readable ? (
        <Mark tone="warn">in part</Mark>
      ) : (
        <Mark tone="bad">cannot be opened</Mark>
      ),
  },
];

/** Which secrets there are. Their values are not among what the page can ask for. */
export function SecretsPage({ place }: { place: Place }) {
  const query = {
    tenant: place.query.get('tenant') ?? undefined,
    after: place.query.get('after') ?? undefined,
  };
  const reading = useRead('GET secrets', { query });
  return (
    <Page
      title="Secrets"
      about="What is kept sealed. Nobody can see a value here. The doctor says why a secret cannot be opened."
    >
      <Filter place={place} fields={[{ name: 'tenant', label: 'Tenant' }]} />
      <Loaded from={reading}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty title={query.tenant === undefined ? 'No secret is stored.' : 'This tenant has no secret.'}>
              The application stores secrets with SecretService.
            </Empty>
          ) : (
            <>
              <Table
                caption="Secrets"
                columns={COLUMNS}
                rows={items}
                keyOf={({ tenantId, ownerType, ownerId, name }) =>
                  JSON.stringify([tenantId, ownerType, ownerId, name])
                }
              />
              <Pager place={place} next={next} shown={items.length} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
