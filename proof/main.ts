// The proof kit: `npm run proof`. Exit status 0 when every check held, 1 when one did not, 2 on wrong use.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProofArguments, parseProofArguments, USAGE } from './harness/arguments.js';
import { ProcessGroup } from './harness/child-process.js';
import { describeMachine, describeVersions } from './harness/machine.js';
import { ProofServer, SERVER_SETTINGS } from './harness/proof-server.js';
import { Random } from './harness/random.js';
import { Report } from './harness/report.js';
import type { Scenario } from './scenarios/scenario.js';
import { chosen, SCENARIOS } from './scenarios/scenarios.js';

process.exitCode = await main(process.argv.slice(2));

async function main(commandLine: string[]): Promise<number> {
  let args: ProofArguments;
  try {
    args = parseProofArguments(
      commandLine,
      SCENARIOS.map((scenario) => scenario.name),
    );
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return 2;
  }
  if (args.list) {
    for (const { name, shows } of SCENARIOS) console.log(`${name.padEnd(16)} ${shows}`);
    return 0;
  }
  return run(args);
}

async function run(args: ProofArguments): Promise<number> {
  const startedAt = new Date();
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-proof-'));
  const server = await ProofServer.start();
  try {
    const report = new Report({
      startedAt: startedAt.toISOString(),
      machine: describeMachine(),
      versions: await describeVersions(await server.version()),
    });
    report.detail('run', { size: args.size, seed: args.seed, serverSettings: SERVER_SETTINGS });
    for (const group of chosen(args.only)) {
      await Promise.all(
        group.map((scenario) => play(scenario, args, server, report, join(folder, scenario.name))),
      );
    }
    report.printTable();
    console.log(`\n  seed ${args.seed}, took ${Math.round((Date.now() - startedAt.getTime()) / 1e3)} s`);
    if (args.json !== undefined) await report.write(args.json);
    if (args.keep || !report.ok) console.log(`  journals and logs: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
    return report.ok ? 0 : 1;
  } finally {
    await server.stop();
  }
}

async function play(
  scenario: Scenario,
  args: ProofArguments,
  server: ProofServer,
  report: Report,
  folder: string,
): Promise<void> {
  console.log(`\n== ${scenario.name}: ${scenario.shows}`);
  const from = performance.now();
  await mkdir(folder, { recursive: true });
  const processes = new ProcessGroup(folder);
  try {
    const database = await server.createDatabase(scenario.name);
    try {
      await scenario.run({
        server,
        database,
        processes,
        folder,
        random: new Random(args.seed),
        seed: args.seed,
        report,
        sizes: { long: args.size === 'long', events: args.events, rate: args.rate, seconds: args.seconds },
      });
    } finally {
      await processes.killAll();
      await database.drop();
    }
  } catch (error) {
    report.brokeOff(scenario.name, error);
  }
  const seconds = Math.round((performance.now() - from) / 1e3);
  report.detail(`${scenario.name}-seconds`, seconds);
  console.log(`  (${scenario.name}: ${seconds} s)`);
}
