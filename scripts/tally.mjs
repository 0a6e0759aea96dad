// Adds up test runs: `tally.mjs [--failed N] FILE…`, each FILE the JSON report of Jest or of a run that writes `checks`.
// A file that is missing or holds no result counts as one failure. The last line reads `N passed, N failed`.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { failed: { type: 'string', default: '0' } },
  allowPositionals: true,
});

function countsOf(file) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1 };
  }
  if (typeof report.numPassedTests === 'number') {
    const broken = report.numRuntimeErrorTestSuites ?? 0;
    return { passed: report.numPassedTests, failed: report.numFailedTests + broken };
  }
  const checks = Array.isArray(report.checks) ? report.checks : [];
  const passed = checks.filter(({ ok }) => ok === true).length;
  return { passed, failed: checks.length === 0 ? 1 : checks.length - passed };
}

const counts = positionals.map(countsOf);
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, Number(values.failed));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
