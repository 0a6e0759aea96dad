/** Known wrong turns of sagas, as those in `mutants.ts`. */
import type { SagasRules, SagasSetup } from './sagas-rules.js';

export interface SagasMutant {
  readonly part: 'sagas';
  readonly name: string;
  readonly rules: Partial<SagasRules>;
  readonly setup: SagasSetup;
}

export function sagasSetup(more: Partial<SagasSetup> = {}): SagasSetup {
  return { versions: 1, replays: 0, faults: true, ...more };
}

const noFaults = sagasSetup({ faults: false });
const mutant = (name: string, rules: Partial<SagasRules>, setup: SagasSetup): SagasMutant => ({
  part: 'sagas',
  name: `sagas: ${name}`,
  rules,
  setup,
});

export const sagasMutants: readonly SagasMutant[] = [
  mutant('no lock', { look: 'without the lock' }, noFaults),
  mutant('lock and look in one statement', { look: 'in the statement of the lock' }, noFaults),
  mutant('a timeout without a token', { timeoutHasToken: false }, noFaults),
  mutant('an undo before the commit', { undoIsInTheCommit: false }, sagasSetup()),
  mutant('the position apart from the step', { positionIsInTheCommit: false }, sagasSetup()),
  mutant(
    'an event sent again does not ask the history',
    { replayAsksHistory: false },
    sagasSetup({ replays: 1 }),
  ),
  mutant(
    'an event that has waited does not ask the history',
    { againAsksHistory: false },
    sagasSetup({ replays: 1 }),
  ),
  mutant('older code goes on', { olderPutsOff: false }, sagasSetup({ versions: 2 })),
  mutant('a step releases nothing', { releasesInTheCommit: false }, noFaults),
];
