import type { SagaTransitions } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Loaded } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Panel } from '../../parts/page.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { causeText } from './saga-texts.tsx';

type Way = SagaTransitions['items'][number];

const COLUMNS: readonly Column<Way>[] = [
  {
    head: 'From',
    isName: true,
    isLong: true,
    cell: ({ from }) =>
      from === null ? <span class="muted">the beginning</span> : <Foreign>{from}</Foreign>,
  },
  { head: 'To', isLong: true, cell: (way) => <Foreign>{targetOf(way)}</Foreign> },
  { head: 'By', isLong: true, cell: ({ name }) => <Foreign>{causeText(name)}</Foreign> },
  { head: 'Times', align: 'end', cell: ({ times }) => count(times) },
  { head: 'Last', cell: ({ lastAt }) => <Time at={lastAt} /> },
];

/** The steps as they were taken, and how often. */
export function TransitionsPanel({ saga }: { saga: string }) {
  const reading = useRead('GET sagas/transitions', { query: { saga } });
  return (
    <Loaded from={reading}>
      {({ items }) =>
        items.length > 0 && (
          <Panel
            title="Ways that were taken"
            about="Of the 1,000 sagas of this name that began last. What was skipped is left out."
          >
            <Table
              caption="From step to step"
              columns={COLUMNS}
              rows={items}
              keyOf={({ from, to, outcome, name }) => JSON.stringify([from, to, outcome, name])}
            />
          </Panel>
        )
      }
    </Loaded>
  );
}

/** A saga that has ended goes nowhere, so its end is what it came to. */
function targetOf({ from, to, outcome }: Way): string {
  if (outcome === null) return to;
  return to === from ? outcome : `${to}, ${outcome}`;
}
