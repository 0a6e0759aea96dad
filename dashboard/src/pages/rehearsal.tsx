import { useEffect, useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { ExplainedEvent, Rehearsal } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Folded } from '../parts/folded.tsx';
import { JsonView } from '../parts/json-view.tsx';
import { Loaded } from '../parts/loading.tsx';
import { bytes } from '../parts/number.ts';
import { ScrolledText } from '../parts/scrolled-text.tsx';
import { Code, Foreign } from '../parts/text.tsx';
import { clockWithMs } from '../parts/time.tsx';

/** Asks for a rehearsal, and says what it does not undo. `onAsked` is told its id. */
export function RehearseDialog({
  event,
  consumer,
  onAsked,
  onClose,
}: {
  event: ExplainedEvent;
  consumer: string;
  onAsked: (rehearsal: string) => void;
  onClose: () => void;
}) {
  const id = event.outboxEventId;
  const outlook = useRead(
    'GET events/{id}/rehearsal',
    { path: { id }, query: { consumer } },
    { isLive: false },
  );
  const isKnown = outlook.data !== undefined;
  return (
    <Confirm
      title={`Rehearse it at ${consumer}`}
      act="Rehearse"
      unless={outlook.data?.refusal ?? (isKnown || outlook.isLoading ? undefined : 'It is not known yet.')}
      command={(reason) => commandLine('dead-letters rehearse', [id], { consumer, reason })}
      onAct={async (reason) => {
        const body = reason === undefined ? { consumer } : { consumer, reason };
        onAsked((await call('POST events/{id}/rehearsals', { path: { id }, body })).id);
      }}
      onClose={onClose}
    >
      <Loaded from={outlook}>{({ warning }) => <p>{warning}</p>}</Loaded>
    </Confirm>
  );
}

/** Until it has ended, it is looked at this often. */
const LOOK_MS = 500;

/** How far a rehearsal is, and what came of it. */
export function RehearsalReport({ id, rehearsal }: { id: string; rehearsal: string }) {
  const [isOpen, setIsOpen] = useState(true);
  const reading = useRead(
    'GET events/{id}/rehearsals/{rehearsal}',
    { path: { id, rehearsal } },
    { isLive: false, isAwaited: true, everyMs: isOpen ? LOOK_MS : undefined },
  );
  const state = reading.data?.state;
  useEffect(() => setIsOpen(state === undefined || state === 'asked' || state === 'running'), [state]);
  return (
    <section class="rehearsal" aria-label="Rehearsal">
      <Loaded from={reading}>{(found) => <Report of={found} />}</Loaded>
    </section>
  );
}

function Report({ of: { sentence, linesSentence, process, result, mayReadPayloads } }: { of: Rehearsal }) {
  const denial = useDenial('payloads.read');
  return (
    <>
      <p role="status">
        <strong>Rehearsal:</strong> <Foreign>{sentence}</Foreign>{' '}
        {process !== null && result !== null && (
          <span class="muted small">
            In process <Foreign>{`${process.host}, pid ${process.pid}`}</Foreign>.
          </span>
        )}
      </p>
      {result?.error !== undefined && result?.error !== null && (
        <ScrolledText label="Error of the rehearsal">
          {[result.error.text, ...(result.error.stack === null ? [] : [result.error.stack])].join('\n\n')}
        </ScrolledText>
      )}
      {linesSentence !== null &&
        (result !== null && result.lines.length > 0 ? (
          <Folded summary={linesSentence}>{() => <Lines of={result.lines} />}</Folded>
        ) : (
          <p class="muted">
            {linesSentence}. {result?.keepsLines === true && !mayReadPayloads && denial}
          </p>
        ))}
      {result !== null && result.published.length > 0 && <Published of={result.published} />}
    </>
  );
}

type Result = NonNullable<Rehearsal['result']>;

function Lines({ of }: { of: Result['lines'] }) {
  return (
    <ScrolledText label="Lines of the rehearsal">
      {of.map(({ at, level, text }) => `${clockWithMs(at)} ${level.padEnd(7)} ${text}`).join('\n')}
    </ScrolledText>
  );
}

function Published({ of }: { of: Result['published'] }) {
  return (
    <ol class="rehearsed-events">
      {of.map(({ outboxEventId, eventName, aggregateType, aggregateId, payload, payloadBytes }) => (
        <li key={outboxEventId}>
          <Code>{eventName}</Code> of <Foreign>{`${aggregateType} ${aggregateId}`}</Foreign>{' '}
          <span class="muted small">{bytes(payloadBytes)}</span>
          {payload !== null && (
            <Folded summary="Payload">
              {() => <JsonView json={payload} label={`Payload of ${eventName}`} />}
            </Folded>
          )}
        </li>
      ))}
    </ol>
  );
}
