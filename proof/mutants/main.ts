/**
 * `npm run proof:mutants -- [--only model,plays,specs,kit] [--match TEXT] [--seed N] [--json FILE]`: takes each known wrong turn and says which check
 * caught it. Exit status 0 only if all were caught.
 */
import { parseArgs } from 'node:util';
import { describeMachine, describeVersions } from '../harness/machine.js';
import { Report } from '../harness/report.js';
import { cases, judge } from '../model/suite.js';
import { MUTANTS_OF_SOURCE } from './every-mutant.js';
import { kitMutants } from './kit-mutants.js';
import { runMutant } from './run-mutant.js';
import { runSpecMutants } from './run-spec-mutants.js';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'model,plays,specs,kit' },
    match: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const startedAt = performance.now();
const wanted = options.only.split(',');
const report = new Report({
  startedAt: new Date().toISOString(),
  machine: describeMachine(),
  versions: await describeVersions(),
});
const table: { mutant: string; caughtBy: string }[] = [];

if (wanted.includes('model')) {
  for (const mutant of cases('usual').filter(({ kind }) => kind === 'mutant')) {
    const { exploration } = judge(mutant);
    const found = exploration.counterexample;
    record('model', mutant.name, found && `proof:model: ${found.check}, ${found.steps.length} steps`);
  }
}
for (const [kinds, mutants] of Object.entries(MUTANTS_OF_SOURCE)) {
  if (!wanted.includes(kinds)) continue;
  const kind = kinds.slice(0, -1);
  const chosen = mutants.filter(({ name }) => name.includes(options.match));
  const verdicts = await runSpecMutants(chosen);
  for (const { name, caughtBy, because } of verdicts) record(kind, name, caughtBy, because);
  report.detail(`failures-of-${kinds}`, Object.fromEntries(verdicts.map((one) => [one.name, one.because])));
}
if (wanted.includes('kit')) {
  for (const mutant of kitMutants.filter(({ name }) => name.includes(options.match))) {
    const missed = await runMutant(mutant, Number(options.seed));
    record('kit', mutant.name, missed.length === 0 ? undefined : `proof: ${missed.join(', ')}`);
  }
}

report.detail('mutants', table);
const width = Math.max(...table.map(({ mutant }) => mutant.length));
console.log('');
for (const { mutant, caughtBy } of table) console.log(`  ${mutant.padEnd(width)}  ${caughtBy}`);
const caught = report.checks.filter(({ ok }) => ok).length;
console.log(
  `\n  ${caught} of ${report.checks.length} mutants caught, in ${Math.round((performance.now() - startedAt) / 1e3)} s`,
);
if (options.json !== undefined) report.write(options.json);
process.exitCode = report.ok ? 0 : 1;

function record(kind: string, mutant: string, caughtBy: string | undefined, because = ''): void {
  table.push({ mutant: `${kind}: ${mutant}`, caughtBy: caughtBy ?? `NOT CAUGHT: ${because}` });
  const name = mutant
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  report.exactly(`mutant-caught-${kind}-${name}`, caughtBy === undefined ? 0 : 1, 1);
}
