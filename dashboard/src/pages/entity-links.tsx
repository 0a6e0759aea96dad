import type { LinkGraph } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { entityHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { Panel } from '../parts/page.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { filterBy, type Place } from '../router/router.ts';
import { GraphDrawing } from './graph-drawing.tsx';

type Edge = LinkGraph['edges'][number];

const COLUMNS: readonly Column<Edge>[] = [
  {
    head: 'From',
    isName: true,
    isLong: true,
    cell: ({ sourceModule: module, sourceEntityType: type, sourceEntityId: id }) => (
      <End module={module} type={type} id={id} />
    ),
  },
  { head: 'Link', cell: ({ linkType }) => linkType.replaceAll('_', ' ') },
  {
    head: 'To',
    isLong: true,
    cell: ({ targetModule: module, targetEntityType: type, targetEntityId: id }) => (
      <End module={module} type={type} id={id} />
    ),
  },
  { head: 'Since', cell: ({ createdAt }) => <Time at={createdAt} /> },
];

function End({ module, type, id }: { module: string; type: string; id: string }) {
  return (
    <>
      <NameLink href={entityHref(type, id, module)}>{`${type}/${id}`}</NameLink>{' '}
      <span class="muted">
        in <Foreign>{module}</Foreign>
      </span>
    </>
  );
}

/** The links around an entity, as a graph and as a list. */
export function EntityLinks({
  module,
  type,
  id,
  place,
}: {
  module: string;
  type: string;
  id: string;
  place: Place;
}) {
  const depth = Number(place.query.get('depth') ?? 1);
  const isList = place.query.get('links') === 'list';
  const reading = useRead(
    'GET entities/{type}/{id}/graph',
    { path: { type, id }, query: { module, depth } },
    { isLive: false },
  );
  return (
    <Panel
      title="Links"
      acts={
        <>
          <label class="small inline">
            Links away{' '}
            <select
              value={String(depth)}
              onChange={(event) => filterBy(place, { depth: event.currentTarget.value })}
            >
              <option value="1">1</option>
              <option value="2">2</option>
              <option value="3">3</option>
            </select>
          </label>
          <button
            type="button"
            class="link"
            aria-pressed={isList}
            onClick={() => filterBy(place, { links: isList ? undefined : 'list' })}
          >
            {isList ? 'As graph' : 'As list'}
          </button>
        </>
      }
    >
      <Loaded from={reading}>
        {(graph) =>
          graph.edges.length === 0 ? (
            <p class="muted">Nothing. A module links entities with createLink.</p>
          ) : (
            <>
              {isList ? (
                <Table caption="Links" columns={COLUMNS} rows={graph.edges} keyOf={(edge) => edge.id} />
              ) : (
                <GraphDrawing graph={graph} start={{ module, entityType: type, entityId: id }} />
              )}
              {graph.truncated && <p class="muted">There are more: the first 200 entities are shown.</p>}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
