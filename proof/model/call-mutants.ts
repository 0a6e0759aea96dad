/** Known wrong turns of calls, as those in `mutants.ts`. */
import type { CallsRules, CallsSetup } from './calls-rules.js';

export interface CallsMutant {
  readonly part: 'calls';
  readonly name: string;
  readonly rules: Partial<CallsRules>;
  readonly setup: CallsSetup;
}

export function callsSetup(more: Partial<CallsSetup> = {}): CallsSetup {
  return { unknown: 'find', reports: 1, deadline: false, faults: true, ...more };
}

const noFaults = callsSetup({ faults: false });
const mutant = (name: string, rules: Partial<CallsRules>, setup: CallsSetup): CallsMutant => ({
  part: 'calls',
  name: `calls: ${name}`,
  rules,
  setup,
});

export const callsMutants: readonly CallsMutant[] = [
  mutant('the attempt is counted after the start', { countsFirst: false }, noFaults),
  mutant('who takes a call does not compare', { comparesToken: false }, callsSetup({ unknown: 'fail' })),
  mutant(
    'the token of a dead process says nothing',
    { tokenMeansUnknown: false },
    callsSetup({ unknown: 'fail' }),
  ),
  mutant('the row is not locked', { locksRow: false }, callsSetup({ reports: 2 })),
  mutant('a report takes no lock of its external id', { reportLocksName: false }, noFaults),
  mutant('the external id becomes known without its lock', { saveLocksName: false }, noFaults),
  mutant('what has waited is taken up in another transaction', { adoptsInTheCommit: false }, callsSetup()),
  mutant('a second end counts', { endIsFinal: false }, callsSetup({ reports: 2 })),
];
