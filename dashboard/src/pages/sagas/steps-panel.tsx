import type { SagaSteps } from '../../api/schemas.ts';
import type { Reading } from '../../api/use-read.ts';
import { Loaded } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Panel } from '../../parts/page.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { to } from '../../router/router.ts';

type Step = SagaSteps['steps'][number];

const COLUMNS: readonly Column<Step>[] = [
  {
    head: 'Step',
    isName: true,
    isLong: true,
    cell: ({ saga, step }) => (
      <NameLink href={to(['sagas'], { saga, status: 'active', step })} label={`${step} of ${saga}`}>
        {step}
      </NameLink>
    ),
  },
  { head: 'Saga', isLong: true, cell: ({ saga }) => <Foreign>{saga}</Foreign> },
  { head: 'Active', align: 'end', cell: ({ sagas }) => count(sagas) },
  { head: 'Median change', cell: ({ medianChangeAt }) => <Time at={medianChangeAt} /> },
  { head: 'Oldest change', cell: ({ oldestChangeAt }) => <Time at={oldestChangeAt} /> },
  {
    head: 'Stuck',
    align: 'end',
    cell: ({ saga, step, stuck }) =>
      stuck === 0 ? (
        <span class="muted">none</span>
      ) : (
        <a href={to(['sagas'], { saga, step, stuck: 'true' })} class="mark bad">
          {`${count(stuck)} stuck`}
        </a>
      ),
  },
];

const COUNTED_ALL =
  'Active sagas, and when they changed last. A stuck one has not changed for long and has no timeout to come.';
const COUNTED_SOME =
  'The 100,000 active sagas that have not changed for longest, and when they did. A stuck one has no timeout to come.';

/** How many sagas are in which step, and how long. */
export function StepsPanel({ reading }: { reading: Reading<SagaSteps> }) {
  return (
    <Loaded from={reading}>
      {({ steps, atLeast }) =>
        steps.length > 0 && (
          <Panel title="Where they stand" about={atLeast ? COUNTED_SOME : COUNTED_ALL}>
            <Table
              caption="Steps that active sagas are in"
              columns={COLUMNS}
              rows={steps}
              keyOf={({ saga, step }) => JSON.stringify([saga, step])}
            />
          </Panel>
        )
      }
    </Loaded>
  );
}
