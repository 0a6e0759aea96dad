import { useState } from 'preact/hooks';
import type { ExplainedEvent } from '../api/schemas.ts';
import { useSession } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { lastMember } from '../parts/json.ts';
import { JsonView } from '../parts/json-view.tsx';
import { LinkOut, linkOut, traceIdOf } from '../parts/link-out.tsx';
import { EntityLink } from '../parts/links.tsx';
import { LoadedPage } from '../parts/loading.tsx';
import { bytes, counted } from '../parts/number.ts';
import { Facts, Page, Panel } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Code, Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { CopyEventDialog } from './copy-event-dialog.tsx';
import { EventChain } from './event-chain.tsx';
import { EventDeliveries } from './event-deliveries.tsx';
import { EventPayload } from './event-payload.tsx';

/** One event: what each consumer has done with it, what it carries, and what it led to. */
export function EventPage({ place }: { place: Place }) {
  const id = place.path[1] ?? '';
  const reading = useRead('GET events/{id}', { path: { id } });
  return (
    <LoadedPage from={reading} title="Event" above={<a href={to(['events'])}>Events</a>}>
      {(event) => <Shown event={event} text={reading.text} reload={reading.reload} />}
    </LoadedPage>
  );
}

function Shown({ event, text, reload }: { event: ExplainedEvent; text: string; reload: () => void }) {
  const [isOpen, setIsOpen] = useState(false);
  const [isCopying, setIsCopying] = useState(false);
  const { links } = useSession();
  const correlation = event.metadata.correlationId;
  const traceId = traceIdOf(event.metadata.traceparent);
  const values = {
    traceId,
    correlationId: typeof correlation === 'string' ? correlation : undefined,
    eventId: event.outboxEventId,
  };
  return (
    <Page
      title={event.eventName}
      above={
        <>
          <a href={to(['events'])}>Events</a> of{' '}
          <EntityLink type={event.aggregateType} id={event.aggregateId} module={event.sourceModule} />
        </>
      }
      about={
        <>
          Position <Code>{event.position}</Code>, published <Time at={event.timestamp} />
        </>
      }
      acts={
        <>
          <Status of={event.status} />
          <button type="button" onClick={() => setIsCopying(true)}>
            Copy as
          </button>
        </>
      }
    >
      <Panel
        title="Consumers"
        about={event.consumers.length === 0 ? undefined : counted(event.consumers.length, 'consumer')}
      >
        <EventDeliveries event={event} reload={reload} />
      </Panel>
      <EventPayload event={event} />
      <EventChain event={event} />
      <Panel
        title="Details"
        acts={
          <button type="button" class="link" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
            {isOpen ? 'Hide the metadata' : 'Show the metadata'}
          </button>
        }
      >
        <Facts>
          {[
            ['Event id', <Code key="i">{event.outboxEventId}</Code>],
            ['Version', String(event.eventVersion)],
            ['Module', <Foreign key="m">{event.sourceModule}</Foreign>],
            ['Payload', event.payloadBytes === null ? 'not known' : bytes(event.payloadBytes)],
            typeof correlation === 'string'
              ? [
                  'Correlation',
                  <a key="c" href={to(['events'], { correlationId: correlation })}>
                    <Code>{correlation}</Code>
                  </a>,
                ]
              : undefined,
            traceId === undefined ? undefined : ['Trace', <Code key="t">{traceId}</Code>],
            linkOut(links.trace, values) === undefined && linkOut(links.log, values) === undefined
              ? undefined
              : [
                  'Elsewhere',
                  <>
                    <LinkOut template={links.trace} values={values}>
                      See the trace
                    </LinkOut>{' '}
                    <LinkOut template={links.log} values={values}>
                      See the log
                    </LinkOut>
                  </>,
                ],
            event.deduplicationKey === null
              ? undefined
              : ['Deduplication key', <Foreign key="d">{event.deduplicationKey}</Foreign>],
            event.availableAt === null ? undefined : ['Not before', <Time key="a" at={event.availableAt} />],
          ]}
        </Facts>
        {isOpen && <JsonView json={lastMember(text, 'metadata')} label="Text of the metadata" />}
      </Panel>
      {isCopying && <CopyEventDialog event={event} text={text} onClose={() => setIsCopying(false)} />}
    </Page>
  );
}
