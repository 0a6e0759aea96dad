// The benchmark: `npm run bench`. Exit status 0 when every promise was kept, 1 when one was missed, 2 on wrong use.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type BenchArguments, parseBenchArguments, USAGE } from './harness/arguments.js';
import { BenchServer, SERVER_SETTINGS } from './harness/bench-server.js';
import { writeDocs } from './harness/docs-page.js';
import { describeMachine, describeVersions } from './harness/machine.js';
import { Report } from './harness/report.js';
import { SystemProcess } from './harness/system-process.js';
import type { Bench, Scenario, Sizes } from './scenarios/scenario.js';
import { SCENARIOS } from './scenarios/scenarios.js';

const RESULTS = fileURLToPath(new URL('../results', import.meta.url));

const FULL: Sizes = {
  quick: false,
  rounds: 3,
  backlog: 100_000,
  uncounted: 0,
  drainLimitMs: 3_000,
  scenarioLimitMs: 1_500_000,
};
const QUICK: Sizes = {
  quick: true,
  rounds: 3,
  backlog: 80_000,
  uncounted: 1 / 3,
  drainLimitMs: 1_500,
  scenarioLimitMs: 240_000,
};

process.exitCode = await main(process.argv.slice(2));

async function main(commandLine: string[]): Promise<number> {
  let args: BenchArguments;
  try {
    args = parseBenchArguments(
      commandLine,
      SCENARIOS.map((scenario) => scenario.name),
    );
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return 2;
  }
  if (args.list) {
    for (const { name, promise } of SCENARIOS) console.log(`${name.padEnd(20)} ${promise}`);
    return 0;
  }
  return run(args);
}

async function run(args: BenchArguments): Promise<number> {
  await mkdir(RESULTS, { recursive: true });
  const startedAt = new Date();
  const server = await BenchServer.start();
  try {
    const report = new Report({
      startedAt: startedAt.toISOString(),
      quick: args.quick,
      machine: describeMachine(),
      versions: await describeVersions(await server.version()),
    });
    const sizes = args.quick ? QUICK : FULL;
    report.detail('sizes', sizes);
    report.detail('serverSettings', SERVER_SETTINGS);
    const bench: Bench = { server, report, sizes, resultsFolder: RESULTS, profile: args.profile };
    const scenarios = chosen(args);
    const isBeside = ({ idle }: Scenario) => args.quick && idle === true;
    const beside = scenarios.filter(isBeside).map((scenario) => runAndSay(bench, scenario));
    for (const scenario of scenarios) {
      if (isBeside(scenario)) continue;
      await runAndSay(bench, scenario);
      await server.dropTemplates();
    }
    await Promise.all(beside);
    report.printSummary();
    console.log(`\ntook ${Math.round((Date.now() - startedAt.getTime()) / 1e3)} s`);
    if (args.json !== undefined) await report.write(args.json);
    if (args.docs) await writeDocs(report, args.only.length === 0 && !args.quick);
    return report.ok ? 0 : 1;
  } finally {
    await server.stop();
  }
}

async function runAndSay(bench: Bench, scenario: Scenario): Promise<void> {
  console.log(`\n== ${scenario.name}: ${scenario.promise}`);
  const from = performance.now();
  await runWithin(bench, scenario).catch((error) => bench.report.brokeOff(scenario.name, error));
  console.log(`  (${scenario.name}: ${Math.round((performance.now() - from) / 1e3)} s)`);
}

/** What runs over its time is ended, process by process, and reported as broken off; the others still run. */
async function runWithin(bench: Bench, scenario: Scenario): Promise<void> {
  const { scenarioLimitMs } = bench.sizes;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    SystemProcess.killAll();
  }, scenarioLimitMs);
  try {
    await scenario.run(bench);
  } catch (error) {
    throw late ? new Error(`it was not done within ${scenarioLimitMs / 1e3} s`, { cause: error }) : error;
  } finally {
    clearTimeout(timer);
  }
}

function chosen({ only, quick }: BenchArguments): Scenario[] {
  return SCENARIOS.filter(({ name, slow }) => (only.length > 0 ? only.includes(name) : !(quick && slow)));
}
