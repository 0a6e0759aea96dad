import { useEffect, useId, useState } from 'preact/hooks';
import { call, callForText } from '../api/client.ts';
import type { EventWithStatus } from '../api/schemas.ts';
import { curlOf } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { inexactNumbers, laidOut, lastMember } from '../parts/json.ts';
import { eventHref } from '../parts/links.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
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
  const [text, setText] = useState('');
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    callForText('GET events/{id}/payload', { path: { id: event.outboxEventId } })
      .then(({ text: answer }) => setText(laidOut(lastMember(answer, 'payload')).text))
      .catch(setError);
  }, [event.outboxEventId]);
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
    go(eventHref(outboxEventId));
  };
  return (
    <Confirm
      title={`Correct it for ${consumer}`}
      act="Publish the corrected event"
      command={commandOf}
      needsReason
      onAct={correct}
      onClose={onClose}
    >
      <p class="muted">
        A new event is published with this payload, and every consumer of its name gets it. This one is
        discarded for {consumer} only. Where payloads are masked for you, write the masked values again,
        because what stands here is published.
      </p>
      <ProblemBox error={error} />
      <div class="field">
        <label for={id}>Payload</label>
        <textarea
          id={id}
          class="json-edit"
          spellcheck={false}
          value={text}
          onInput={(input) => setText(input.currentTarget.value)}
        />
      </div>
    </Confirm>
  );
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
