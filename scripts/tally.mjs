// Adds up test runs: `tally.mjs [--failed STEP]… FILE…`, each STEP the name of one that failed and reported no failure,
// each FILE the JSON report of Jest or of a run that writes `checks`. A file that is missing or holds no result counts as one
// failure. Each failure gets a line with its name and what it says. The last line reads `N passed, N failed`.
import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';

const { values, positionals } = parseArgs({
  options: { failed: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
});

const SHOWN_CHARACTERS = 2_000;

/** The names and the texts of what failed, and the number of what passed. */
function resultOf(file) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failures: [`${basename(file)}: no report`] };
  }
  if (typeof report.numPassedTests === 'number')
    return { passed: report.numPassedTests, failures: report.testResults.flatMap(failuresOfSpec) };
  const checks = Array.isArray(report.checks) ? report.checks : [];
  if (checks.length === 0) return { passed: 0, failures: [`${basename(file)}: no checks`] };
  const failed = checks.filter(({ ok }) => ok !== true);
  return {
    passed: checks.length - failed.length,
    failures: failed.map((check) => `${basename(file)}: ${JSON.stringify(check)}`),
  };
}

function failuresOfSpec({ name, status, message, assertionResults }) {
  const spec = relative(process.cwd(), name);
  const failed = assertionResults.filter((test) => test.status === 'failed');
  // A spec that cannot be loaded, or whose last hook fails, fails without a test of its own.
  if (failed.length === 0)
    return status === 'failed' ? [`${spec}: ${message || 'it failed outside of its tests'}`] : [];
  return failed.map(({ fullName, failureMessages }) => `${spec}: ${fullName}\n${failureMessages.join('\n')}`);
}

const results = positionals.map(resultOf);
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failures = [...values.failed, ...results.flatMap((result) => result.failures)];
for (const failure of failures)
  console.log(`FAILED ${stripVTControlCharacters(failure).slice(0, SHOWN_CHARACTERS)}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
