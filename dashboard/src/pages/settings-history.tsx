import { useEffect, useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { SettingHistoryPage } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Act } from '../parts/button.tsx';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Loaded } from '../parts/loading.tsx';
import { Panel } from '../parts/page.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { shortKey, shownValue } from './setting-texts.ts';

type Change = SettingHistoryPage['items'][number];

/** Who changed a setting, or any of them, with a way back to each value. */
export function SettingHistory({
  title,
  settingKey,
  version,
  onRestored,
}: {
  title: string;
  settingKey: string | undefined;
  /** Another one says that somebody has changed a setting. */
  version: string | undefined;
  onRestored: () => void;
}) {
  const [chosen, setChosen] = useState<Change>();
  const reading = useRead('GET settings/history', { query: { key: settingKey, limit: 20 } });
  useEffect(() => reading.reload(), [version]);
  const columns: Column<Change>[] = [
    { head: 'When', isName: true, cell: ({ at }) => <Time at={at} /> },
    { head: 'Setting', isLong: true, cell: ({ key }) => shortKey(key) },
    {
      head: 'Change',
      isLong: true,
      cell: ({ from, to }) => <Foreign>{`${shownValue(from, null)} → ${shownValue(to, null)}`}</Foreign>,
    },
    { head: 'Who', isLong: true, cell: ({ by }) => <Foreign most={80}>{by ?? 'not known'}</Foreign> },
    { head: 'Why', isLong: true, cell: ({ reason }) => <Foreign most={200}>{reason ?? '–'}</Foreign> },
    {
      head: 'Return',
      cell: (change) => (
        <Act
          needs="settings.change"
          label={`Return to ${shownValue(change.to, null)}: ${shortKey(change.key)}`}
          onAct={() => setChosen(change)}
        >
          Return to {shownValue(change.to, null)}
        </Act>
      ),
    },
  ];
  return (
    <Panel title={title}>
      <Loaded from={reading}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="muted">Nobody has changed a stored value yet.</p>
          ) : (
            <Table caption={title} columns={columns} rows={items} keyOf={({ id }) => String(id)} />
          )
        }
      </Loaded>
      {chosen !== undefined && (
        <Confirm
          title={`Return ${shortKey(chosen.key)} to ${shownValue(chosen.to, null)}`}
          act="Return to it"
          command={(reason) => commandLine('settings restore', [chosen.id], { reason })}
          onAct={async (reason) => {
            await call('POST settings/restore', {
              body: { changeId: chosen.id, ...(reason === undefined ? {} : { reason }) },
            });
            onRestored();
          }}
          onClose={() => setChosen(undefined)}
        >
          <p class="muted">That was its value after the change of this time.</p>
        </Confirm>
      )}
    </Panel>
  );
}
