// Runs test/browser in Chromium: `node scripts/test-browser.mjs [--json FILE] [--large] [-- arguments of Jest]`.
// Where there is no Chromium, Debian's is installed. Whatever is missing ends the run with a failure and the reason.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installPackages } from './apt.mjs';
import { findChromium } from './chromium.mjs';

const ROOT = join(import.meta.dirname, '..');

const { values, positionals } = parseArgs({
  options: { json: { type: 'string' }, large: { type: 'boolean', default: false } },
  allowPositionals: true,
});

const chromium = findChromium() ?? install();
console.log(`Chromium: ${chromium}`);
const client = join(ROOT, 'test/generated');
if (!existsSync(client))
  execFileSync('npm', ['run', '--silent', 'generate'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });

const report = values.json ?? join(tmpdir(), `browser-${process.pid}.json`);
const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--config',
    'jest.browser.config.ts',
    // What a failed test has left open does not hold up the run.
    '--forceExit',
    '--json',
    `--outputFile=${report}`,
    ...positionals,
  ],
  {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, CHROMIUM: chromium, ...(values.large ? { BROWSER_LARGE: 'yes' } : {}) },
  },
);
process.exit(status === 0 && everythingRan(report) ? 0 : 1);

/** A test that was left out has not passed. */
function everythingRan(file) {
  const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(file, 'utf8'));
  console.log(`${numPassedTests} of ${numTotalTests} tests passed.`);
  return numTotalTests > 0 && numPassedTests === numTotalTests;
}

function install() {
  console.log('There is no Chromium here. apt-get installs it.');
  try {
    installPackages(['chromium']);
  } catch (error) {
    return fail(`Chromium could not be installed: ${error.message}`);
  }
  return findChromium() ?? fail('apt-get has installed Chromium, and it is not where it should be.');
}

function fail(reason) {
  console.error(`No test has run. ${reason} Install Chromium, or name one: CHROMIUM=/path/to/it.`);
  process.exit(1);
}
