import { useEffect } from 'preact/hooks';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { eventHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { Page } from '../parts/page.tsx';
import type { Place } from '../router/router.ts';

/** Leads to the event at a position. */
export function PositionPage({ place }: { place: Place }) {
  const position = Number(place.path[1]);
  const reading = useRead('GET events', { query: { position } }, { isLive: false });
  const id = reading.data?.items[0]?.outboxEventId;
  useEffect(() => {
    // Back leads to where the person came from, and not here again.
    if (id !== undefined) location.replace(eventHref(id));
  }, [id]);
  return (
    <Page title={`Position ${place.path[1] ?? ''}`}>
      <Loaded from={reading}>
        {({ items }) =>
          items.length === 0 && (
            <Empty title="There is no event at this position.">
              Its transaction was rolled back, or it was kept long enough and deleted.
            </Empty>
          )
        }
      </Loaded>
    </Page>
  );
}
