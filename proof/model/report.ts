/** The table, the counterexamples step by step, and the same as JSON. */
import { cpus } from 'node:os';
import type { Verdict } from './suite.js';

const headings = {
  rules: 'The rules as built: no violation in any state',
  variant: 'Variants that are just as right',
  mutant: 'Mutants: each must break a check (shortest counterexample)',
} as const;

export const legend = [
  'writers: events each may publish; k shares the key of the others marked k; s may roll back to a savepoint; p may prepare.',
  'Any number of crashes of the reader. Bounded as each line says; within the bounds, every interleaving.',
].join('\n');

export function heading(kind: Verdict['of']['kind']): string {
  return `\n${headings[kind]}`;
}

export function line(verdict: Verdict): string {
  const { of, exploration } = verdict;
  const found = exploration.counterexample;
  const result = found
    ? `${found.check}: ${found.steps.length} steps`
    : exploration.complete
      ? 'holds'
      : 'not finished';
  const states = exploration.states.toLocaleString('en-US').padStart(11);
  const seconds = exploration.seconds.toFixed(1).padStart(6);
  const what = of.kind === 'rules' ? `${of.name}: ${of.bounds}` : of.name;
  return `${verdict.ok ? 'ok  ' : 'FAIL'} ${what.padEnd(70)}${states} states ${seconds} s  ${result}`;
}

/** A counterexample, numbered. */
export function story({ of, exploration }: Verdict): string {
  const found = exploration.counterexample;
  if (!found) return '';
  const steps = found.steps.map((step, i) => `  ${String(i + 1).padStart(2)}. ${step}`);
  return [`\n${of.name} (${of.bounds})`, ...steps, `  → violated: ${found.check}`].join('\n');
}

export function json(startedAt: Date, verdicts: readonly Verdict[]): object {
  const processors = cpus();
  return {
    startedAt: startedAt.toISOString(),
    machine: { cpu: processors[0]?.model ?? 'unknown', cores: processors.length, platform: process.platform },
    versions: { node: process.versions.node },
    checks: verdicts.map(({ of, exploration, ok }) => ({
      name:
        of.kind === 'rules'
          ? `model, ${of.name}: ${of.bounds}: violations`
          : `model, ${of.kind} "${of.name}": violations`,
      value: exploration.counterexample ? 1 : 0,
      bound: of.expected === 'caught' ? 1 : 0,
      ok,
    })),
    details: verdicts.map(({ of, exploration }) => ({
      kind: of.kind,
      name: of.name,
      bounds: of.bounds,
      ...exploration,
    })),
  };
}
