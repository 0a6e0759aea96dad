import { useEffect, useId, useState } from 'preact/hooks';
import { call, callForText } from '../api/client.ts';
import type { EventWithStatus } from '../api/schemas.ts';
import { curlOf } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { useDraft } from '../parts/draft.ts';
import { inexactNumbers, laidOut, lastMember } from '../parts/json.ts';
import { eventHref } from '../parts/links.tsx';
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
  const [original, setOriginal] = useState('');
  const [error, setError] = useState<unknown>();
  const isTooLarge = (event.payloadBytes ?? 0) > MOST_BYTES;
  useEffect(() => {
    if (isTooLarge) return;
    callForText('GET events/{id}/payload', { path: { id: event.outboxEventId } })
      // A mark that turns the direction of writing is written as what it is, so that nothing stands elsewhere.
      .then(({ text: answer }) => setOriginal(visibleInJson(laidOut(lastMember(answer, 'payload')).text)))
      .catch(setError);
  }, [event.outboxEventId, isTooLarge]);
  const text = typed.value ?? original;
  const argsOf = (payload: unknown, reason = '') => ({
    path: { id: event.outboxEventId },
    body: { consumer, payload, reason },
  });
  // While the text is no JSON, and where a request loses digits, there is no command either.
  const commandOf = (reason: string | undefined) => {
    try {
      return curlOf('POST events/{id}/correct', argsOf(exact(text), reason));
    } catch (problem) {
      return `# ${problem instanceof Error ? problem.message : String(problem)}`;
    }
  };
  const correct = async (reason: string | undefined) => {
    const { outboxEventId } = await call('POST events/{id}/correct', {
      ...argsOf(exact(text), reason),
    });
    typed.drop();
    go(eventHref(outboxEventId));
  };
  return (
    <Confirm
      title={`Correct it for ${consumer}`}
      act="Publish the corrected event"
      command={commandOf}
      needsReason
      keptAs={name}
      unless={isTooLarge ? tooLarge(event.payloadBytes ?? 0) : tooLargeOf(text)}
      onAct={correct}
      onClose={onClose}
    >
      <p class="muted">
        A new event is published with this payload, and every consumer of its name gets it. This one is
        discarded for {consumer} only. Where payloads are masked for you, write the masked values again,
        because what stands here is published.
      </p>
      <ProblemBox error={error} />
      {!isTooLarge && (
        <div class="field">
          <label for={id}>Payload</label>
          <textarea
            id={id}
            class="json-edit"
            dir="ltr"
            spellcheck={false}
            value={text}
            onInput={(input) => typed.change(visibleInJson(input.currentTarget.value))}
          />
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

/** A request of the admin API has at most 64 KiB. The rest of it is the reason, the consumer, and a little more. */
const MOST_BYTES = 65_536 - 5_120;

function tooLarge(size: number): string {
  return `The payload has ${bytes(size)}, and a request takes at most ${bytes(MOST_BYTES)} of it. Correct the event from code, with CorrectionService.`;
}

/** Said while somebody types, and not when everything is typed. White space between members is not sent. */
function tooLargeOf(text: string): string | undefined {
  if (text.length * 3 <= MOST_BYTES) return undefined;
  let size: number;
  try {
    size = new TextEncoder().encode(JSON.stringify(JSON.parse(text))).length;
  } catch {
    return undefined;
  }
  return size > MOST_BYTES ? tooLarge(size) : undefined;
}

function exact(text: string): unknown {
  const [inexact] = inexactNumbers(text);
  if (inexact !== undefined)
    throw new Error(
      `The number ${inexact} has more digits than a request can carry. Publish the correction from code.`,
    );
  return parsed(text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`The payload is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
