import { useEffect, useState } from 'preact/hooks';
import { callForText } from '../api/client.ts';
import type { EventWithStatus } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { commandLine, curlOf } from '../parts/command.ts';
import { CopyText } from '../parts/copy-text.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { lastMember } from '../parts/json.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { jsonOfEvent, testOfEvent } from './copy-event-texts.ts';

const FORMS = ['JSON', 'Test', 'curl', 'Command'] as const;
type Form = (typeof FORMS)[number];

/** An event in the words of other tools. `text` is the answer that the page shows. */
export function CopyEventDialog({
  event,
  text,
  onClose,
}: {
  event: EventWithStatus;
  text: string;
  onClose: () => void;
}) {
  const id = event.outboxEventId;
  const denial = useDenial('payloads.read');
  const [form, setForm] = useState<Form>('JSON');
  const [payload, setPayload] = useState<string>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if (denial !== undefined) return;
    callForText('GET events/{id}/payload', { path: { id } })
      .then(({ text: answer }) => setPayload(lastMember(answer, 'payload')))
      .catch(setError);
  }, [id, denial]);
  const isWaiting = payload === undefined && denial === undefined && error === undefined;
  const needsPayload = form === 'JSON' || form === 'Test';
  return (
    <Dialog title="Copy the event as" onClose={onClose}>
      <div class="form">
        <fieldset class="choices" aria-label="Form">
          {FORMS.map((each) => (
            <label key={each}>
              <input type="radio" name="form" checked={form === each} onChange={() => setForm(each)} /> {each}
            </label>
          ))}
        </fieldset>
        <ProblemBox error={needsPayload ? error : undefined} />
        {needsPayload && denial !== undefined && <p class="muted">{denial}</p>}
        {needsPayload && isWaiting ? (
          <p class="loading">Reading the payload…</p>
        ) : form === 'JSON' ? (
          <CopyText key={form} label="The event as JSON" text={jsonOfEvent(text, payload)} />
        ) : form === 'curl' ? (
          <CopyText key={form} label="The event by curl" text={curlOf('GET events/{id}', { path: { id } })} />
        ) : form === 'Command' ? (
          <CopyText key={form} label="The event by a command" text={commandLine('events show', [id])} />
        ) : (
          payload !== undefined && (
            <CopyText key={form} label="A test with such an event" text={testOfEvent(event, payload)} />
          )
        )}
        <div class="acts">
          <button type="button" onClick={onClose}>
            Close
          </button>
        </div>
      </div>
    </Dialog>
  );
}
