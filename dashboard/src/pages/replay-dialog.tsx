import { useId, useState } from 'preact/hooks';
import type { Operation } from '../api/schemas.ts';
import { Dialog } from '../parts/dialog.tsx';
import { localTime } from '../parts/filter.tsx';
import { OperationForm } from '../parts/operation-dialog.tsx';
import { ReplayProgress } from './replay-progress.tsx';

const HOUR_MS = 3_600_000;

/**
 * Delivers events again, as an operation. They are chosen by time, names, positions or entity. They are
 * counted first, and then it shows the progress.
 */
export function ReplayDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const [begun, setBegun] = useState<Operation>();
  return (
    <Dialog title={`Replay for ${name}`} onClose={onClose}>
      {begun === undefined ? (
        <ReplayForm name={name} onBegun={setBegun} onClose={onClose} />
      ) : (
        <ReplayProgress begun={begun} onClose={onClose} />
      )}
    </Dialog>
  );
}

function ReplayForm({
  name,
  onBegun,
  onClose,
}: {
  name: string;
  onBegun: (operation: Operation) => void;
  onClose: () => void;
}) {
  const [since, setSince] = useState(() => localTime(new Date(Date.now() - HOUR_MS).toISOString()));
  const [until, setUntil] = useState('');
  const [names, setNames] = useState('');
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [aggregateType, setAggregateType] = useState('');
  const [aggregateId, setAggregateId] = useState('');
  const eventNames = names.split(/[\s,]+/).filter((name) => name !== '');
  const wish = {
    kind: 'replay',
    consumer: name,
    since: isoOf(since),
    until: isoOf(until),
    eventNames: eventNames.length === 0 ? undefined : eventNames,
    from: numberOf(from),
    to: numberOf(to),
    aggregateType: textOf(aggregateType),
    aggregateId: textOf(aggregateId),
  } as const;
  const { kind: _, consumer: __, until: ___, to: ____, ...beginning } = wish;
  const isChosen = Object.values(beginning).some((value) => value !== undefined);
  return (
    <OperationForm
      about="The consumer gets these events again, beside its other work. Their order is not guaranteed. Those that it has not handled yet are not sent twice."
      wish={wish}
      unless={
        isChosen ? undefined : 'Give a time or a position to begin at, event names, or the type of an entity.'
      }
      actOf={(events) => `Replay ${events}`}
      onBegun={onBegun}
      onClose={onClose}
    >
      <div class="fields times">
        <TextField label="Since" isTime field={[since, setSince]} />
        <TextField label="Until (optional)" isTime field={[until, setUntil]} />
      </div>
      <TextField
        label="Event names (optional)"
        hint="all that it asks for, or order.placed order.paid"
        field={[names, setNames]}
      />
      <details>
        <summary>By position or entity</summary>
        <div class="fields">
          <TextField label="From position" hint="1" field={[from, setFrom]} />
          <TextField label="To position" hint="the last" field={[to, setTo]} />
          <TextField label="Type of the entity" hint="any" field={[aggregateType, setAggregateType]} />
          <TextField label="Id of the entity" hint="all of the type" field={[aggregateId, setAggregateId]} />
        </div>
      </details>
    </OperationForm>
  );
}

export function TextField({
  label,
  isTime = false,
  hint,
  field: [value, onChange],
}: {
  label: string;
  isTime?: boolean;
  hint?: string;
  field: readonly [value: string, onChange: (value: string) => void];
}) {
  const id = useId();
  const input = {
    id,
    value,
    autoComplete: 'off',
    onInput: (event: { currentTarget: HTMLInputElement }) => onChange(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {isTime ? <input type="datetime-local" step="1" {...input} /> : <input placeholder={hint} {...input} />}
    </div>
  );
}

function textOf(typed: string): string | undefined {
  return typed.trim() === '' ? undefined : typed.trim();
}

/** What is not a whole number goes to the server, which says what is wrong with it. */
function numberOf(typed: string): number | undefined {
  return typed.trim() === '' ? undefined : Number(typed);
}

export function isoOf(local: string): string | undefined {
  const time = new Date(local);
  return local === '' || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
