/**
 * `npm run proof:model -- [--small | --long] [--no-stories] [--json FILE]`: explores everything, prints the table,
 * and exits with 0 only if the rules hold and every mutant is caught.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { heading, json, legend, line, story } from './report.js';
import { cases, judge, type Size, type Verdict } from './suite.js';

const { values: options } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    'no-stories': { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const size: Size = options.small ? 'small' : options.long ? 'long' : 'usual';
const startedAt = new Date();
const verdicts: Verdict[] = [];
console.log(legend);
let kind: string | undefined;
for (const one of cases(size)) {
  if (one.kind !== kind) console.log(heading(one.kind));
  kind = one.kind;
  const verdict = judge(one);
  verdicts.push(verdict);
  console.log(line(verdict));
}

const surprises = verdicts.filter((verdict) => !verdict.ok);
if (!options['no-stories'])
  for (const verdict of verdicts) if (verdict.exploration.counterexample) console.log(story(verdict));

const states = verdicts.reduce((sum, { exploration }) => sum + exploration.states, 0);
const seconds = ((Date.now() - startedAt.getTime()) / 1000).toFixed(0);
const caught = verdicts.filter((verdict) => verdict.of.kind === 'mutant' && verdict.ok).length;
const mutants = verdicts.filter((verdict) => verdict.of.kind === 'mutant').length;
console.log(
  `\n${states.toLocaleString('en-US')} states in ${seconds} s; mutants caught: ${caught} of ${mutants}.`,
);
for (const verdict of surprises) console.log(`FAIL ${verdict.of.name}: ${verdict.of.bounds}`);
if (options.json) writeFileSync(options.json, `${JSON.stringify(json(startedAt, verdicts), null, 2)}\n`);
process.exitCode = surprises.length === 0 ? 0 : 1;
