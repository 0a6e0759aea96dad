// The proof kit: `npm run proof`. Exit status 0 when every check held, 1 when one did not, 2 on wrong use.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProofArguments, parseProofArguments, USAGE } from './harness/arguments.js';
import { describeMachine, describeVersions } from './harness/machine.js';
import { ProofServer, SERVER_SETTINGS } from './harness/proof-server.js';
import { Report } from './harness/report.js';
import { play } from './scenarios/play.js';
import type { Sizes } from './scenarios/scenario.js';
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
    tellWhenEnded(report, args.json);
    for (const group of chosen(args.only)) {
      await Promise.all(
        group.map((scenario) =>
          play(scenario, { server, report, seed: args.seed, folder, sizes: sizesOf(args) }),
        ),
      );
    }
    report.printTable();
    console.log(`\n  seed ${args.seed}, took ${Math.round((Date.now() - startedAt.getTime()) / 1e3)} s`);
    if (args.json !== undefined) report.write(args.json);
    if (args.keep || !report.ok) console.log(`  journals and logs: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
    return report.ok ? 0 : 1;
  } finally {
    await server.stop();
  }
}

/**
 * Writes the figures of a run that is ended from outside. The library of the server ends the server then, and
 * the process after it; what else was started is ended when the process exits (`at-exit.ts`).
 */
function tellWhenEnded(report: Report, json: string | undefined): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      report.ended(signal);
      console.log(`\n  ended by ${signal}`);
      if (json !== undefined) report.write(json);
    });
}

function sizesOf({ size, events, rate, seconds }: ProofArguments): Sizes {
  return { long: size === 'long', events, rate, seconds };
}
