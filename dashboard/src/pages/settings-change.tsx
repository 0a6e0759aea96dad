import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { Setting, SettingsPreview } from '../api/schemas.ts';
import { Act } from '../parts/button.tsx';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { counted } from '../parts/number.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { type SettingValue, shortKey, shownValue } from './setting-texts.ts';

interface ChangeBarProps {
  readonly settings: readonly Setting[];
  readonly drafts: Readonly<Record<string, SettingValue>>;
  readonly etag: string | undefined;
  /** Runs what stores them, and sees to it that somebody else may have been faster. */
  readonly store: (store: () => Promise<unknown>) => Promise<void>;
  readonly onDrop: () => void;
  /** What others have changed meanwhile. */
  readonly children?: ComponentChildren;
}

/** What is about to be changed, what that would do, and the button that does it. */
export function ChangeBar({ settings, drafts, etag, store, onDrop, children }: ChangeBarProps) {
  const [isAsked, setIsAsked] = useState(false);
  const keys = Object.keys(drafts);
  const { preview, error } = usePreview(drafts);
  if (keys.length === 0) return null;
  const notNumbers = keys.filter((key) => Number.isNaN(drafts[key]));
  const problems = [
    ...notNumbers.map((key) => `${shortKey(key)} must be a number`),
    ...(preview?.problems.map(({ key, reason }) => `${shortKey(key)} ${reason}`) ?? []),
  ];
  return (
    <section class="box warn change-bar" aria-label="Changes that are not stored yet">
      <h2>{counted(keys.length, 'change')} not stored yet</h2>
      {children}
      <ProblemBox error={error} />
      <ul class="plain-list" role="status">
        {problems.map((problem) => (
          <li key={problem} class="bad-text">
            {problem}
          </li>
        ))}
        {preview?.effects.map(({ key, from, to, effect }) => {
          const unit = settings.find((each) => each.key === key || shortKey(each.key) === key)?.unit ?? null;
          return (
            <li key={key}>
              <b>{shortKey(key)}</b>: {shownValue(from, unit)} → {shownValue(to, unit)}. {effect}
            </li>
          );
        })}
      </ul>
      <div class="acts">
        <Act
          kind="primary"
          needs="settings.change"
          unless={problems.length > 0 ? 'A value is not possible: see above.' : undefined}
          onAct={() => setIsAsked(true)}
        >
          Store
        </Act>
        <button type="button" onClick={onDrop}>
          Drop the changes
        </button>
      </div>
      {isAsked && (
        <Confirm
          title={`Store ${counted(keys.length, 'change')}`}
          act="Store"
          command={(reason) => commandsOf(drafts, reason)}
          keptAs="settings"
          onAct={(reason) =>
            store(() =>
              call('PATCH settings', {
                body: { values: { ...drafts }, ...(reason === undefined ? {} : { reason }) },
                ifMatch: etag,
              }),
            )
          }
          onClose={() => setIsAsked(false)}
        >
          <p class="muted">All of them are stored, or none. Every process takes them within seconds.</p>
        </Confirm>
      )}
    </section>
  );
}

/** One command for each setting. */
function commandsOf(drafts: Readonly<Record<string, SettingValue>>, reason: string | undefined): string {
  return Object.entries(drafts)
    .map(([key, value]) =>
      value === null
        ? commandLine('settings reset', [key], { reason })
        : commandLine('settings set', [key, String(value)], { reason }),
    )
    .join(' &&\n  ');
}

const TYPING_MS = 300;

function usePreview(drafts: Readonly<Record<string, SettingValue>>): {
  preview: SettingsPreview | undefined;
  error: unknown;
} {
  const [preview, setPreview] = useState<SettingsPreview>();
  const [error, setError] = useState<unknown>();
  // A text that is not a number is refused here already. In JSON it would be null, which removes a value.
  const numbers = Object.entries(drafts).filter(([, value]) => !Number.isNaN(value));
  const text = JSON.stringify(Object.fromEntries(numbers));
  useEffect(() => {
    const values = JSON.parse(text) as Record<string, SettingValue>;
    const stop = new AbortController();
    if (Object.keys(values).length === 0) {
      setPreview(undefined);
      return;
    }
    const timer = setTimeout(() => {
      call('POST settings/preview', { body: { values }, signal: stop.signal })
        .then((found) => {
          setPreview(found);
          setError(undefined);
        })
        .catch((problem: unknown) => {
          if (!stop.signal.aborted) setError(problem);
        });
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  return { preview, error };
}
