import type { Contract } from '../../api/schemas.ts';
import { Mark } from '../../parts/status.tsx';
import { Foreign } from '../../parts/text.tsx';

type Version = Contract['versions'][number];

/** Whether the event of this version is still published. */
export function StateMark({ version: { retired } }: { version: Version }) {
  return retired ? <Mark tone="quiet">retired</Mark> : <Mark tone="ok">published</Mark>;
}

/** Whether a change of the contract would be noticed. */
export function ComparedMark({ version: { compared } }: { version: Version }) {
  if (compared === 'whole') return <Mark tone="ok">compared</Mark>;
  return compared === 'not' ? (
    <Mark tone="warn">not compared</Mark>
  ) : (
    <Mark tone="warn">compared in part</Mark>
  );
}

/** What is not compared, and why. Undefined if everything is. */
export function WhyNotCompared({ version: { compared, notCompared } }: { version: Version }) {
  if (compared === 'whole') return null;
  if (compared === 'not')
    return (
      <p class="box warn">
        The library of this schema has no JSON Schema, so nobody notices when the contract changes under its
        version. Define a new version for each change.
      </p>
    );
  return (
    <p class="box warn">
      JSON Schema has no word for what these places demand, so changes there are not noticed:{' '}
      <Foreign>{notCompared.join(', ')}</Foreign>. Define a new version when they change.
    </p>
  );
}
