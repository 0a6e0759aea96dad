import { useState } from 'preact/hooks';
import type { Setting } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { Loaded } from '../parts/loading.tsx';
import { Page } from '../parts/page.tsx';
import { useHold } from '../parts/table.tsx';
import { filterBy, type Place } from '../router/router.ts';
import type { SettingValue } from './setting-texts.ts';
import { ChangeBar } from './settings-change.tsx';
import { SettingHistory } from './settings-history.tsx';
import { SettingRow } from './settings-row.tsx';

const KINDS = [
  ['', 'all'],
  ['changed', 'with another value than the default'],
] as const;

/** Every setting, with a form to change several at once. */
export function SettingsPage({ place }: { place: Place }) {
  const reading = useRead('GET settings', {});
  const processes = useRead('GET processes', { query: { limit: 200 } });
  const [drafts, setDrafts] = useState<Readonly<Record<string, SettingValue>>>({});
  useHold(Object.keys(drafts).length > 0);
  const chosen = place.query.get('key') ?? undefined;
  const name = place.query.get('name') ?? '';
  const kind = place.query.get('kind') ?? '';
  const alive = processes.data?.items.filter((each) => each.alive) ?? [];
  const change = (key: string, value: SettingValue | undefined) => {
    const { [key]: _, ...others } = drafts;
    setDrafts(value === undefined ? others : { ...others, [key]: value });
  };
  const done = () => {
    setDrafts({});
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
                onDone={done}
                onDrop={() => setDrafts({})}
              />
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
      <SettingHistory title="Who changed what" settingKey={undefined} onRestored={done} />
    </Page>
  );
}

function isShown({ key, description, value, default: usual }: Setting, name: string, kind: string): boolean {
  const text = `${key} ${description}`.toLowerCase();
  return text.includes(name.toLowerCase()) && (kind !== 'changed' || value !== usual);
}
