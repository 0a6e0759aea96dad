import { useState } from 'preact/hooks';
import type { ComparedAttempts, EventHistory } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { Folded } from '../parts/folded.tsx';
import { Loaded } from '../parts/loading.tsx';
import { Scrolled } from '../parts/scrolled-text.tsx';
import { visible } from '../parts/text.tsx';
import { absolute } from '../parts/time.tsx';

type FailedAttempts = EventHistory['attempts'];

/** Two attempts beside each other: at first the last two. */
export function CompareAttempts(of: { id: string; consumer: string; attempts: FailedAttempts }) {
  const denial = useDenial('payloads.read');
  if (denial !== undefined) return null;
  return <Folded summary="Compare two attempts">{() => <Choice {...of} />}</Folded>;
}

function Choice({ id, consumer, attempts }: { id: string; consumer: string; attempts: FailedAttempts }) {
  const [first, setFirst] = useState(attempts.length - 1);
  const [second, setSecond] = useState(attempts.length);
  return (
    <div class="compared">
      <p class="compared-choice">
        <Which label="Attempt" attempts={attempts} place={first} onChoose={setFirst} />
        <Which label="with attempt" attempts={attempts} place={second} onChoose={setSecond} />
      </p>
      <Compared id={id} consumer={consumer} first={first} second={second} />
    </div>
  );
}

function Which({
  label,
  attempts,
  place,
  onChoose,
}: {
  label: string;
  attempts: FailedAttempts;
  place: number;
  onChoose: (place: number) => void;
}) {
  return (
    <label>
      {label}{' '}
      <select value={place} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
        {attempts.map(({ attempt, at }, index) => (
          <option key={at} value={index + 1}>{`${attempt}, at ${absolute(new Date(at))}`}</option>
        ))}
      </select>
    </label>
  );
}

function Compared({
  id,
  consumer,
  first,
  second,
}: {
  id: string;
  consumer: string;
  first: number;
  second: number;
}) {
  const reading = useRead(
    'GET events/{id}/compared',
    { path: { id }, query: { consumer, first, second } },
    { isLive: false },
  );
  return (
    <Loaded from={reading}>
      {({ sentence, parts }) => (
        <>
          <p role="status">{sentence}</p>
          {parts.map((part) => (
            <Part key={part.name} part={part} />
          ))}
        </>
      )}
    </Loaded>
  );
}

const SIGNS = { both: ' ', first: '\u2212', second: '+' } as const;
const LOOKS = { both: '', first: 'removed', second: 'added' } as const;

/** What is the same is said, and not shown once more. */
function Part({ part: { name, differs, lines } }: { part: ComparedAttempts['parts'][number] }) {
  if (!differs)
    return (
      <p class="muted small">
        {name}: {lines.length === 0 ? 'none' : 'the same'}
      </p>
    );
  return (
    <>
      <h4>{name}</h4>
      <Scrolled label={`${name}, compared`}>
        <pre dir="ltr">
          {lines.map((line, index) => (
            <span key={index} class={`json-line ${LOOKS[line.in]}`}>
              {`${SIGNS[line.in]} ${visible(line.text)}\n`}
            </span>
          ))}
        </pre>
      </Scrolled>
    </>
  );
}
