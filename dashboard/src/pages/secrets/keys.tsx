import { useState } from 'preact/hooks';
import type { SecretKey } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Act } from '../../parts/button.tsx';
import { Loaded } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Page } from '../../parts/page.tsx';
import { Mark } from '../../parts/status.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign } from '../../parts/text.tsx';
import { ResealDialog, RotateDialog } from './key-dialogs.tsx';

const COLUMNS: readonly Column<SecretKey>[] = [
  { head: 'Key', isName: true, isLong: true, cell: ({ name }) => <Foreign>{name}</Foreign> },
  {
    head: 'State',
    cell: ({ current }) => (current ? <Mark tone="ok">current</Mark> : <Mark tone="warn">still needed</Mark>),
  },
  { head: 'Data keys', align: 'end', cell: ({ dataKeys }) => count(dataKeys) },
  { head: 'Secrets', align: 'end', cell: ({ secrets }) => count(secrets) },
];

/** The keys of the application, how much each of them has wrapped, and how they are changed. */
export function KeysPage() {
  const reading = useRead('GET keys', {});
  const [opened, setOpened] = useState<'rotate' | 'reseal'>();
  const [said, setSaid] = useState<string>();
  const items = reading.data?.items ?? [];
  const others = items.filter(({ current }) => !current);
  const close = () => {
    setOpened(undefined);
    reading.reload();
  };
  return (
    <Page
      title="Keys"
      about="Each tenant has a data key, which seals its secrets. These keys wrap the data keys. A key that is not in the list has wrapped nothing, and can be taken away from the application."
      acts={
        <>
          <Act
            kind="primary"
            needs="secrets.rotate"
            unless={others.length === 0 ? 'The current key has wrapped everything.' : undefined}
            onAct={() => setOpened('rotate')}
          >
            Rotate
          </Act>
          <Act needs="secrets.rotate" onAct={() => setOpened('reseal')}>
            Reseal a tenant
          </Act>
        </>
      }
    >
      {said !== undefined && (
        <p class="box ok" role="status">
          {said}
        </p>
      )}
      <Loaded from={reading}>
        {() => <Table caption="Keys" columns={COLUMNS} rows={items} keyOf={({ name }) => name} />}
      </Loaded>
      {opened === 'rotate' && <RotateDialog others={others} onDone={setSaid} onClose={close} />}
      {opened === 'reseal' && <ResealDialog onDone={setSaid} onClose={close} />}
    </Page>
  );
}
