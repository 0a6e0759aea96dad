import { useState } from 'preact/hooks';
import { ApiProblem } from '../api/problem.ts';
import type { Setting } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { useDraft } from '../parts/draft.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { Loaded } from '../parts/loading.tsx';
import { Page } from '../parts/page.tsx';
import { useHold } from '../parts/table.tsx';
import { filterBy, type Place } from '../router/router.ts';
import type { SettingValue } from './setting-texts.ts';
import { ChangeBar } from './settings-change.tsx';
import { SettingHistory } from './settings-history.tsx';
import { ChangedMeanwhile } from './settings-meanwhile.tsx';
import { SettingRow } from './settings-row.tsx';

const KINDS = [
  ['', 'all'],
  ['changed', 'with another value than the default'],
] as const;

/** Every setting, with a form to change several at once. */
export function SettingsPage({ place }: { place: Place }) {
  const reading = useRead('GET settings', {});
  const processes = useRead('GET processes', { query: { limit: 1_000, alive: true } });
  const { value: drafts, ...typed } = useDraft<Readonly<Record<string, SettingValue>>>('settings', {});
  /** The values that the person had seen when they were told that these are others by now. */
  const [seen, setSeen] = useState<Readonly<Record<string, Setting['value']>>>();
  useHold(Object.keys(drafts).length > 0);
  const chosen = place.query.get('key') ?? undefined;
  const name = place.query.get('name') ?? '';
  const kind = place.query.get('kind') ?? '';
  const alive = processes.data?.items ?? [];
  const change = (key: string, value: SettingValue | undefined) => {
    const { [key]: _, ...others } = drafts;
    typed.change(value === undefined ? others : { ...others, [key]: value });
  };
  const store = async (store: () => Promise<unknown>) => {
    try {
      await store();
    } catch (error) {
      if (!isChangedMeanwhile(error)) throw error;
      // What was typed stays. Everything is read again, so that it can be stored over what is there now.
      setSeen(Object.fromEntries(reading.data?.items.map(({ key, value }) => [key, value]) ?? []));
      reading.reload();
      return;
    }
    done();
  };
  const done = () => {
    typed.drop();
    setSeen(undefined);
    reading.reload();
    processes.reload();
  };
  return (
    <Page
      title="Settings"
      about="What was stored comes before the environment, the options of the application and the default. Every process takes a change within seconds."
    >
      <Filter
        place={place}
        fields={[
          { name: 'name', label: 'Text contains' },
          { name: 'kind', label: 'Which', options: KINDS },
        ]}
      />
      <Loaded from={reading}>
        {({ items }) => {
          const shown = items.filter((setting) => isShown(setting, name, kind));
          return (
            <>
              <ChangeBar
                settings={items}
                drafts={drafts}
                etag={reading.etag}
                store={store}
                onDrop={() => {
                  typed.drop();
                  setSeen(undefined);
                }}
              >
                {seen !== undefined && (
                  <ChangedMeanwhile
                    settings={items}
                    seen={seen}
                    drafts={drafts}
                    onTake={(key) => change(key, undefined)}
                  />
                )}
              </ChangeBar>
              {shown.length === 0 ? (
                <Empty title="No setting matches the filter.">
                  {items.length} settings exist.{' '}
                  <button
                    type="button"
                    class="link"
                    onClick={() => filterBy(place, { name: undefined, kind: undefined })}
                  >
                    Show all
                  </button>
                </Empty>
              ) : (
                <ul class="settings">
                  {shown.map((setting) => (
                    <SettingRow
                      key={setting.key}
                      setting={setting}
                      draft={drafts[setting.key]}
                      processes={alive}
                      hasMoreProcesses={(processes.data?.next ?? null) !== null}
                      version={reading.etag}
                      isOpen={chosen === setting.key}
                      onChange={(value) => change(setting.key, value)}
                      onOpen={() =>
                        filterBy(place, { key: chosen === setting.key ? undefined : setting.key })
                      }
                      onRestored={done}
                    />
                  ))}
                </ul>
              )}
            </>
          );
        }}
      </Loaded>
      <SettingHistory
        title="Who changed what"
        settingKey={undefined}
        version={reading.etag}
        onRestored={done}
      />
    </Page>
  );
}

function isChangedMeanwhile(error: unknown): boolean {
  return (
    error instanceof ApiProblem &&
    ['INTEGRATION_ADMIN_CHANGED', 'INTEGRATION_SETTING_CONFLICT'].includes(error.problem.code)
  );
}

function isShown({ key, description, value, default: usual }: Setting, name: string, kind: string): boolean {
  const text = `${key} ${description}`.toLowerCase();
  return text.includes(name.toLowerCase()) && (kind !== 'changed' || value !== usual);
}
