import { useEffect, useId, useMemo, useState } from 'preact/hooks';
import { call, callForText } from '../api/client.ts';
import type { EventWithStatus } from '../api/schemas.ts';
import { curlOf } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { useDraft } from '../parts/draft.ts';
import { inexactNumbers, laidOut, lastMember } from '../parts/json.ts';
import { type PatchOperation, patchBetween } from '../parts/json-patch.ts';
import { eventHref } from '../parts/links.tsx';
import { LongText } from '../parts/long-text.tsx';
import { bytes } from '../parts/number.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { visibleInJson } from '../parts/text.tsx';
import { go } from '../router/router.ts';

/** Publishes a corrected event, and discards this one for the consumer that failed at it. */
export function CorrectDialog({
  event,
  consumer,
  onClose,
}: {
  event: EventWithStatus;
  consumer: string;
  onClose: () => void;
}) {
  const id = useId();
  const name = `correction ${event.outboxEventId} ${consumer}`;
  const typed = useDraft<string | undefined>(name, undefined);
  const [read, setRead] = useState<Payload>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    callForText('GET events/{id}/payload', { path: { id: event.outboxEventId } })
      .then(({ text: answer }) => setRead(payloadOf(lastMember(answer, 'payload'))))
      .catch(setError);
  }, [event.outboxEventId]);
  const text = typed.value ?? read?.text ?? '';
  const change = useMemo(() => changeOf(text, read), [text, read]);
  const argsOf = (change: Change, reason = '') => ({
    path: { id: event.outboxEventId },
    body: { consumer, ...change, reason },
  });
  // While the text is no JSON, and where a request loses digits, there is no command either.
  const commandOf = (reason: string | undefined) =>
    typeof change === 'string' ? `# ${change}` : curlOf('POST events/{id}/correct', argsOf(change, reason));
  const correct = async (reason: string | undefined) => {
    if (typeof change === 'string') throw new Error(change);
    const { outboxEventId } = await call('POST events/{id}/correct', argsOf(change, reason));
    typed.drop();
    go(eventHref(outboxEventId));
  };
  const isBeingRead = read === undefined && error === undefined;
  return (
    <Confirm
      title={`Correct it for ${consumer}`}
      act="Publish the corrected event"
      command={commandOf}
      needsReason
      keptAs={name}
      unless={isBeingRead ? 'The payload is being read.' : tooLargeOf(change)}
      onAct={correct}
      onClose={onClose}
    >
      <p class="muted">
        A new event is published with this payload, and every consumer of its name gets it. This one is
        discarded for {consumer} only. What is masked for you stays what it is, unless you write something
        else there. An element that you change while others are added or removed beside it is published as it
        stands here.
      </p>
      <ProblemBox error={error} />
      {!isBeingRead && (
        <div class="field">
          <label for={id}>Payload</label>
          <LongText id={id} text={text} onChange={(next) => typed.change(visibleInJson(next))} />
          {typed.value !== undefined && (
            <p class="small muted">
              {typed.isKept ? 'You have typed this before.' : 'What you type is kept when you leave.'}{' '}
              <button type="button" class="link" onClick={typed.drop}>
                Begin again with the payload of the event
              </button>
            </p>
          )}
        </div>
      )}
    </Confirm>
  );
}

/** What the event carries, as a value and as the text that is changed. */
interface Payload {
  readonly value: unknown;
  readonly text: string;
}

/** A mark that turns the direction of writing is written as what it is, so that nothing stands elsewhere. */
function payloadOf(json: string): Payload {
  return { value: JSON.parse(json), text: visibleInJson(laidOut(json).text) };
}

/** What is sent of the payload that was typed: what differs, or all of it if the one before is not known. */
type Change = { readonly patch: PatchOperation[] } | { readonly payload: unknown };

/** The change, or why there is none. */
function changeOf(text: string, read: Payload | undefined): Change | string {
  if (text === read?.text) return { patch: [] };
  const [inexact] = inexactNumbers(text);
  if (inexact !== undefined)
    return `The number ${inexact} has more digits than a request can carry. Write it as a text, in quotes.`;
  try {
    const payload: unknown = JSON.parse(text);
    return read === undefined ? { payload } : { patch: patchBetween(read.value, payload) };
  } catch (error) {
    return `The payload is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The body of a request has at most 64 KiB. What is left is for the reason, the consumer and the version. */
const MOST_BYTES = 65_536 - 5_120;

/** Said while somebody types, and not when everything is typed. */
function tooLargeOf(change: Change | string): string | undefined {
  if (typeof change === 'string') return undefined;
  const size = new TextEncoder().encode(JSON.stringify(Object.values(change)[0])).length;
  if (size <= MOST_BYTES) return undefined;
  return `What you have changed has ${bytes(size)}, and a request takes at most ${bytes(MOST_BYTES)}. Change less of it, or correct the event from code, with CorrectionService.`;
}
