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
        <Read id={event.outboxEventId} />
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

function Read({ id }: { id: string }) {
  const reading = useRead('GET events/{id}/payload', { path: { id } }, { isLive: false });
  return (
    <Loaded from={reading}>
      {() => <JsonView json={lastMember(reading.text, 'payload')} label="Text of the payload" />}
    </Loaded>
  );
}
