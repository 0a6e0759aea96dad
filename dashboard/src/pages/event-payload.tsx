import { useState } from 'preact/hooks';
import type { EventWithStatus } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { lastMember } from '../parts/json.ts';
import { JsonView } from '../parts/json-view.tsx';
import { Loaded } from '../parts/loading.tsx';
import { bytes } from '../parts/number.ts';
import { Panel } from '../parts/page.tsx';

const SHOWN_AT_ONCE = 64 * 1_024;

/** What the event carries, with every digit that was published. */
export function EventPayload({ event }: { event: EventWithStatus }) {
  const denial = useDenial('payloads.read');
  const size = event.payloadBytes ?? 0;
  const [isWanted, setIsWanted] = useState(size <= SHOWN_AT_ONCE);
  return (
    <Panel title="Payload" about={size === 0 ? undefined : bytes(size)}>
      {denial !== undefined ? (
        <p class="muted">{denial}</p>
      ) : isWanted ? (
        <Read event={event} />
      ) : (
        <div class="body">
          <button type="button" onClick={() => setIsWanted(true)}>
            Read the {bytes(size)}
          </button>
        </div>
      )}
    </Panel>
  );
}

function Read({ event }: { event: EventWithStatus }) {
  const path = { id: event.outboxEventId };
  const reading = useRead('GET events/{id}/payload', { path }, { isLive: false });
  const before = usePayloadBefore(event);
  return (
    <Loaded from={reading}>
      {() => (
        <JsonView json={lastMember(reading.text, 'payload')} label="Text of the payload" before={before} />
      )}
    </Loaded>
  );
}

/** The payload of the event before of the same entity, where there is one, and where it is small enough. */
function usePayloadBefore({ aggregateType, aggregateId, position }: EventWithStatus): string | undefined {
  const mayRead = useDenial('entities.read') === undefined;
  const timeline = useRead(
    'GET entities/{type}/{id}/timeline',
    { path: { type: aggregateType, id: aggregateId }, query: { below: position, limit: 1 } },
    { isLive: false, isWanted: mayRead },
  );
  const [event] = timeline.data?.items ?? [];
  const isWanted = event !== undefined && (event.payloadBytes ?? 0) <= SHOWN_AT_ONCE;
  const payload = useRead(
    'GET events/{id}/payload',
    { path: { id: event?.outboxEventId ?? '' } },
    { isLive: false, isWanted },
  );
  return payload.data === undefined ? undefined : lastMember(payload.text, 'payload');
}
