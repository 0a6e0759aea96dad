import type { ComponentChildren } from 'preact';
import type { Relay, RelaySource } from '../../api/schemas.ts';
import { Mark, type Tone } from '../../parts/status.tsx';
import { Foreign } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';

type One = Relay | RelaySource;

const STATES: Readonly<Record<One['state'], readonly [word: string, tone: Tone]>> = {
  running: ['running', 'ok'],
  unavailable: ['out of reach', 'bad'],
  paused: ['paused', 'warn'],
  unserved: ['no process', 'warn'],
};

/** Says first what a person on call looks for. */
export function StateOf({ one: { state, since, reason } }: { one: One }) {
  const [word, tone] = STATES[state];
  return (
    <div class="stack">
      <span>
        <Mark tone={tone}>{word}</Mark>
      </span>
      {since !== null && (
        <span>
          since <Time at={since} />
        </span>
      )}
      {reason !== null && (
        <span class="muted">
          <Foreign most={200}>{reason}</Foreign>
        </span>
      )}
    </div>
  );
}

export function BrokerOf({ one: { broker, addresses } }: { one: One }) {
  return (
    <div class="stack">
      {broker === null ? <span class="muted">not known</span> : <span>{broker}</span>}
      {addresses.length > 0 && (
        <span class="muted">
          <Foreign most={120}>{addresses.join(', ')}</Foreign>
        </span>
      )}
    </div>
  );
}

export function RunBy({ one: { processes } }: { one: One }) {
  if (processes.length === 0) return <span class="muted">none</span>;
  return (
    <div class="stack">
      {processes.map(({ id, host, pid }) => (
        <Foreign key={id}>{`${host ?? 'unknown host'}, pid ${pid ?? 'unknown'}`}</Foreign>
      ))}
    </div>
  );
}

/** The last refusal or rejection, in the words of the broker. Processes remember it as long as they live. */
export function LastOf({
  one,
  children,
}: {
  one: { readonly at: string; readonly reason: string } | null;
  children?: ComponentChildren;
}) {
  if (one === null) return <span class="muted">none known</span>;
  return (
    <div class="stack">
      <Time at={one.at} />
      <Foreign most={200}>{one.reason}</Foreign>
      {children}
    </div>
  );
}
