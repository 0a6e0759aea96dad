import type { Setting } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Loaded } from '../parts/loading.tsx';
import { Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type SettingValue, shortKey, shownValue } from './setting-texts.ts';

interface ChangedMeanwhileProps {
  readonly settings: readonly Setting[];
  readonly seen: Readonly<Record<string, Setting['value']>>;
  readonly drafts: Readonly<Record<string, SettingValue>>;
  readonly onTake: (key: string) => void;
}

/** Who has changed what since the person began, and what becomes of it if they store theirs. */
export function ChangedMeanwhile({ settings, seen, drafts, onTake }: ChangedMeanwhileProps) {
  const changed = settings.filter(({ key, value }) => seen[key] !== value);
  return (
    <div class="stack" role="alert">
      <p>
        <b>Somebody else was faster.</b> What you typed is still here, and nothing of it is stored. Look at
        what has changed, and store yours if it is still right.
      </p>
      <ul class="plain-list">
        {changed.map((setting) => (
          <li key={setting.key}>
            <LatestChange setting={setting} seen={seen[setting.key]} />{' '}
            {setting.key in drafts ? (
              <>
                Yours is {shownValue(drafts[setting.key], setting.unit)}.{' '}
                <button type="button" class="link" onClick={() => onTake(setting.key)}>
                  Keep {shownValue(setting.value, setting.unit)}
                </button>
              </>
            ) : (
              <span class="muted">You do not change it.</span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function LatestChange({
  setting: { key, value, unit },
  seen,
}: {
  setting: Setting;
  seen: Setting['value'] | undefined;
}) {
  const reading = useRead('GET settings/history', { query: { key, limit: 1 } }, { isLive: false });
  return (
    <>
      <b>{shortKey(key)}</b>: {shownValue(seen, unit)} → {shownValue(value, unit)}
      <Loaded from={reading}>
        {({ items: [latest] }) =>
          latest !== undefined && (
            <>
              , by <Foreign most={80}>{latest.by ?? 'somebody who is not known'}</Foreign>,{' '}
              <Time at={latest.at} />
              {latest.reason !== null && (
                <>
                  : <Foreign most={300}>{latest.reason}</Foreign>
                </>
              )}
            </>
          )
        }
      </Loaded>
      .
    </>
  );
}
