import { useId, useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import { useRead } from '../../api/use-read.ts';
import { curlOf } from '../../parts/command.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { CopyText } from '../../parts/copy-text.tsx';

const ROUTE = 'POST webhooks/destinations';
const SECRET_BYTES = 32;

/** A secret as Standard Webhooks writes it. The page makes it, so that no answer of the API has a secret. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

/** Adds a destination. The secret is shown in this dialog, and nowhere else. */
export function CreateDestination({ onClose }: { onClose: () => void }) {
  const [secret] = useState(newSecret);
  const [tenant, setTenant] = useState('');
  const [url, setUrl] = useState('');
  const [types, setTypes] = useState('*');
  const known = useRead('GET webhooks/event-types', {}, { isLive: false });
  const bodyOf = (reason: string | undefined, shown = secret) => ({
    body: {
      tenant: tenant.trim(),
      url: url.trim(),
      eventTypes: typesOf(types),
      secret: shown,
      ...(reason === undefined ? {} : { reason }),
    },
  });
  return (
    <Confirm
      title="Add a destination"
      act="Add it"
      onClose={onClose}
      command={(reason) => curlOf(ROUTE, bodyOf(reason, 'whsec_…'))}
      onAct={(reason) => call(ROUTE, bodyOf(reason))}
    >
      <TextField label="Tenant" value={tenant} onInput={setTenant} />
      <TextField label="URL, with https" value={url} onInput={setUrl} />
      <TextField
        label="Types of events, divided by commas"
        value={types}
        onInput={setTypes}
        suggestions={known.data?.items.map(({ type }) => type)}
      />
      <CopyText label="Its secret, for the receiver. It is shown this once" text={secret} />
    </Confirm>
  );
}

/** `invoice.*, order.placed` as a list. */
export function typesOf(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

export function TextField({
  label,
  value,
  onInput,
  suggestions = [],
}: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  suggestions?: readonly string[] | undefined;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        required
        autocomplete="off"
        spellcheck={false}
        value={value}
        list={`${id}-known`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <datalist id={`${id}-known`}>
        {suggestions.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </div>
  );
}
