import { useId, useState } from 'preact/hooks';
import type { Process, Setting } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { count } from '../parts/number.ts';
import { Mark } from '../parts/status.tsx';
import { Code, Foreign } from '../parts/text.tsx';
import { type SettingValue, shortKey, shownValue } from './setting-texts.ts';
import { SettingHistory } from './settings-history.tsx';

const SOURCES: Readonly<Record<string, string>> = {
  database: 'a stored value',
  config: 'the ConfigService',
  environment: 'the environment',
  options: 'the options of the module',
};
/** The largest value that a setting without a bound of its own may have. */
const NO_BOUND = 2_147_483_647;

interface RowProps {
  readonly setting: Setting;
  readonly draft: SettingValue | undefined;
  readonly processes: readonly Process[];
  /** Whether there are more processes than these. */
  readonly hasMoreProcesses: boolean;
  /** Of all settings. */
  readonly version: string | undefined;
  readonly isOpen: boolean;
  readonly onChange: (value: SettingValue | undefined) => void;
  readonly onOpen: () => void;
  readonly onRestored: () => void;
}

export function SettingRow({
  setting,
  draft,
  processes,
  hasMoreProcesses,
  version,
  isOpen,
  onChange,
  onOpen,
  onRestored,
}: RowProps) {
  const { key, value, default: usual, source, description, unit, environmentName } = setting;
  const id = useId();
  const isStored = source === 'database';
  return (
    <li class={draft === undefined ? 'setting' : 'setting drafted'}>
      <div class="setting-about">
        <h2>
          <label for={id}>{shortKey(key)}</label>
        </h2>
        <p class="muted small" id={`${id}-about`}>
          {description}
        </p>
        <p class="small">
          {source in SOURCES ? (
            <>
              <span class="muted">Set by</span> {SOURCES[source]}. <span class="muted">
                The default is
              </span>{' '}
            </>
          ) : (
            <span class="muted">This is the default: </span>
          )}
          {shownValue(usual, unit)}
          {value !== usual && (
            <>
              {' '}
              <Mark tone="info">changed</Mark>
            </>
          )}
        </p>
      </div>
      <div class="setting-value">
        <Input id={id} setting={setting} draft={draft} onChange={onChange} />
        <InForce
          settingKey={key}
          unit={unit}
          value={value}
          processes={processes}
          hasMore={hasMoreProcesses}
        />
      </div>
      <div class="setting-acts">
        <button type="button" class="link" aria-expanded={isOpen} onClick={onOpen}>
          {isOpen ? 'Less' : 'History and processes'}
        </button>
        {isStored && draft === undefined && (
          <button type="button" class="link" onClick={() => onChange(null)}>
            Remove the stored value
          </button>
        )}
      </div>
      {isOpen && (
        <div class="setting-more">
          <p class="small">
            <span class="muted">Key</span> <Code>{key}</Code> <span class="muted">· environment</span>{' '}
            <Code>{environmentName}</Code>
          </p>
          <ul class="in-each" aria-label={`Value of ${shortKey(key)} in each process`}>
            {processes.map((process) => (
              <li key={process.id}>
                <Foreign>{`${process.host}, pid ${process.pid}`}</Foreign>{' '}
                <b>{shownValue(valueIn(process, key), unit)}</b>
              </li>
            ))}
          </ul>
          <SettingHistory
            title={`Changes of ${shortKey(key)}`}
            settingKey={key}
            version={version}
            onRestored={onRestored}
          />
        </div>
      )}
    </li>
  );
}

/** Processes write the values by their short keys. */
function valueIn({ settings }: Process, key: string): boolean | number | string | undefined {
  return settings[key] ?? settings[shortKey(key)];
}

/** Says whether every process has the value that is shown. */
function InForce({
  settingKey,
  unit,
  value,
  processes,
  hasMore,
}: {
  settingKey: string;
  unit: string | null;
  value: boolean | number | string;
  processes: readonly Process[];
  hasMore: boolean;
}) {
  const others = processes.filter((process) => {
    const there = valueIn(process, settingKey);
    return there !== undefined && there !== value;
  });
  if (processes.length === 0) return null;
  if (others.length === 0)
    return (
      <p class="small muted">
        {processes.length === 1
          ? 'The running process uses it.'
          : `${hasMore ? 'The first' : 'All'} ${count(processes.length)} processes use it.`}
      </p>
    );
  const [first] = others;
  return (
    <p class="small">
      <Mark tone="warn">
        {`${count(others.length)} of ${hasMore ? 'the first ' : ''}${count(processes.length)} processes have another value: ${shownValue(first && valueIn(first, settingKey), unit)}`}
      </Mark>
    </p>
  );
}

function Input({
  id,
  setting,
  draft,
  onChange,
}: {
  id: string;
  setting: Setting;
  draft: SettingValue | undefined;
  onChange: (value: SettingValue | undefined) => void;
}) {
  const { value, type, unit, min, max } = setting;
  const denial = useDenial('settings.change');
  // What was typed stays in the field, also where it is not a number. It goes with the draft.
  const [typed, setTyped] = useState<string>();
  const about = `${id}-about ${id}-bounds`;
  if (draft === null)
    return (
      <p>
        The stored value is removed.{' '}
        <button type="button" class="link" onClick={() => onChange(undefined)}>
          Keep it
        </button>
      </p>
    );
  if (denial !== undefined)
    return (
      <>
        <input id={id} value={shownValue(value, unit)} readOnly aria-describedby={about} />
        <p class="small muted" id={`${id}-bounds`}>
          {denial}
        </p>
      </>
    );
  if (type === 'boolean') {
    const now = draft ?? value;
    return (
      <select
        id={id}
        aria-describedby={about}
        value={now === true ? 'on' : 'off'}
        onChange={(event) => {
          const next = event.currentTarget.value === 'on';
          onChange(next === value ? undefined : next);
        }}
      >
        <option value="on">on</option>
        <option value="off">off</option>
      </select>
    );
  }
  const shown = typeof draft === 'number' ? draft : Number(value);
  const isOut =
    (min !== undefined && shown < min) || (max !== undefined && shown > max) || Number.isNaN(shown);
  return (
    <>
      <div class="with-unit">
        <input
          id={id}
          type="text"
          inputMode="numeric"
          value={draft === undefined ? String(value) : (typed ?? String(draft))}
          aria-describedby={about}
          aria-invalid={isOut}
          autoComplete="off"
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            const text = event.currentTarget.value.replaceAll(/[\s,_]/g, '');
            const next = text === '' ? Number.NaN : Number(text);
            onChange(next === value ? undefined : next);
          }}
        />
        {unit !== null && <span class="muted">{unit}</span>}
      </div>
      <p class={isOut ? 'field-error' : 'small muted'} id={`${id}-bounds`}>
        {boundsOf(setting)}
      </p>
    </>
  );
}

function boundsOf({ min, max, unit }: Setting): string {
  if (min === undefined && max === undefined) return '';
  if (max === undefined || max === NO_BOUND) return `at least ${shownValue(min, unit)}`;
  if (min === undefined) return `at most ${shownValue(max, unit)}`;
  return `from ${shownValue(min, null)} to ${shownValue(max, unit)}`;
}
