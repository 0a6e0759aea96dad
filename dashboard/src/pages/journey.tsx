import type { ComponentChildren } from 'preact';
import type { Journey } from '../api/schemas.ts';
import { type Reading, useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Folded } from '../parts/folded.tsx';
import { ConsumerLink, entityHref, eventHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { counted, duration } from '../parts/number.ts';
import { Page, Panel } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Code, Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { JOURNEY_MARKS, JourneyDrawing } from './journey-drawing.tsx';

type Event = Journey['events'][number];
type Attempt = Event['deliveries'][number]['attempts'][number];

/** The events of one request on their way through the consumers. */
export function EventJourneyPage({ place }: { place: Place }) {
  const id = place.path[1] ?? '';
  const reading = useRead('GET events/{id}/journey', { path: { id } });
  return (
    <Shown
      title="Journey of a request"
      above={<NameLink href={eventHref(id)}>{`Event ${id}`}</NameLink>}
      reading={reading}
      here={id}
    />
  );
}

/** The events of one entity on their way through the consumers. */
export function EntityJourneyPage({ place }: { place: Place }) {
  const [, type = '', id = ''] = place.path;
  const below = place.query.get('below');
  const reading = useRead('GET entities/{type}/{id}/journey', {
    path: { type, id },
    query: { below: below === null ? undefined : Number(below) },
  });
  const earlier = reading.data?.hasMore === true ? reading.data.events[0]?.position : undefined;
  return (
    <Shown
      title={`Journey of ${type}/${id}`}
      above={<NameLink href={entityHref(type, id)}>{`${type}/${id}`}</NameLink>}
      reading={reading}
      earlier={earlier === undefined ? undefined : to(place.path, { below: earlier })}
    />
  );
}

function Shown({
  title,
  above,
  reading,
  here,
  earlier,
}: {
  title: string;
  above: ComponentChildren;
  reading: Reading<Journey>;
  here?: string;
  earlier?: string | undefined;
}) {
  return (
    <Page title={title} above={above} about={reading.data?.says}>
      <Loaded from={reading}>
        {(journey) =>
          journey.events.length === 0 ? (
            <Empty title="The log has no such event.">
              Check the type and the id. Old events are deleted after the retention time.
            </Empty>
          ) : (
            <>
              <Panel title="Picture" about={<Legend />}>
                <JourneyDrawing journey={journey} />
              </Panel>
              <Panel title="In words" about={restOf(journey)}>
                <ol class="journey-list">
                  {journey.events.map((event) => (
                    <EventLine
                      key={event.outboxEventId}
                      event={event}
                      first={journey.events[0]?.timestamp ?? event.timestamp}
                      isHere={event.outboxEventId === here}
                    />
                  ))}
                </ol>
                {earlier !== undefined && (
                  <p class="body">
                    <a href={earlier}>See earlier events</a>
                  </p>
                )}
              </Panel>
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function Legend() {
  return (
    <span>
      A circle above is an event. A mark below it says what became of it, and a bar is an attempt that failed
      or runs. An arrow leads from the consumer whose handler published an event to that event. No time is
      kept of what was done at once, so its mark stands below its event. Long waits are drawn shorter.{' '}
      {JOURNEY_MARKS.map(([status, word]) => (
        <span key={status} class={`key ${status}`}>
          {`${word} `}
        </span>
      ))}
    </span>
  );
}

function restOf({ moreLanes, hasMore }: Journey): string | undefined {
  const rest = [
    ...(moreLanes === null ? [] : [`Not shown: ${moreLanes.says}.`]),
    ...(hasMore ? ['There are more events than these.'] : []),
  ];
  return rest.length === 0 ? undefined : rest.join(' ');
}

function EventLine({ event, first, isHere }: { event: Event; first: string; isHere: boolean }) {
  const { outboxEventId, eventName, says, timestamp, position, deliveries, status } = event;
  const after = (Date.parse(timestamp) - Date.parse(first)) / 1_000;
  const done = deliveries.filter(
    (each) => each.status === 'processed' && each.attempts.length === 0 && each.doneAt === null,
  );
  const others = deliveries.filter((each) => !done.includes(each));
  return (
    <li>
      <p>
        <NameLink href={eventHref(outboxEventId)}>{eventName}</NameLink> <Status of={status} />{' '}
        {isHere && <b>this one</b>} <span class="muted">+{duration(after)}, position</span>{' '}
        <Code>{position}</Code>
      </p>
      <p class="muted small">
        <Foreign>{says}</Foreign>
      </p>
      <ul>
        {others.map(({ consumerName, says: outcome, attempts, doneAt }) => (
          <li key={consumerName}>
            <ConsumerLink name={consumerName} />: <Foreign>{outcome}</Foreign>
            {doneAt !== null && (
              <span class="muted">
                , at <Time at={doneAt} />
              </span>
            )}
            {attempts.length > 0 && (
              <Folded summary={`${counted(attempts.length, 'attempt')} that failed, at ${consumerName}`}>
                {() => <Attempts attempts={attempts} />}
              </Folded>
            )}
          </li>
        ))}
        {done.length > 0 && (
          <li>
            {done[0]?.says}: <Foreign>{done.map(({ consumerName }) => consumerName).join(', ')}</Foreign>
          </li>
        )}
      </ul>
    </li>
  );
}

function Attempts({ attempts }: { attempts: readonly Attempt[] }) {
  return (
    <ul>
      {attempts.map(({ attempt, at, ms, error }) => (
        <li key={`${attempt} ${at}`}>
          Attempt {attempt}, {ms === null ? 'interrupted' : `${Math.round(ms)} ms`}:{' '}
          <Foreign>{error}</Foreign>
        </li>
      ))}
    </ul>
  );
}
