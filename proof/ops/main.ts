// What operating the package costs and keeps: `npm run proof:ops`. Exit status 0 when every goal was met, 1 when one was not, 2 on
// wrong use.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine, describeVersions } from '../harness/machine.js';
import { ProofServer, SERVER_SETTINGS } from '../harness/proof-server.js';
import { Report } from '../harness/report.js';
import { play } from '../scenarios/play.js';
import { OPS_USAGE, type OpsArguments, parseOpsArguments } from './arguments.js';
import { CHECKS } from './checks/checks.js';

const MORE_SETTINGS = { shared_preload_libraries: 'pg_stat_statements' };

process.exitCode = await main(process.argv.slice(2));

async function main(commandLine: string[]): Promise<number> {
  let args: OpsArguments;
  try {
    args = parseOpsArguments(
      commandLine,
      CHECKS.map(({ name }) => name),
    );
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${OPS_USAGE}`);
    return 2;
  }
  if (args.list) {
    for (const { name, shows } of CHECKS) console.log(`${name.padEnd(12)} ${shows}`);
    return 0;
  }
  return run(args);
}

async function run({ sizes, before, seed, only, json, keep }: OpsArguments): Promise<number> {
  const startedAt = new Date();
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-proof-ops-'));
  const server = await ProofServer.start(MORE_SETTINGS);
  try {
    const report = new Report({
      startedAt: startedAt.toISOString(),
      machine: describeMachine(),
      versions: await describeVersions(await server.version()),
    });
    report.detail('run', { sizes, seed, serverSettings: { ...SERVER_SETTINGS, ...MORE_SETTINGS } });
    for (const check of CHECKS) {
      if (only.length > 0 && !only.includes(check.name)) continue;
      await play(check, { server, report, seed, folder, sizes: { ...sizes, before } });
    }
    report.printTable();
    console.log(`\n  took ${Math.round((Date.now() - startedAt.getTime()) / 1e3)} s`);
    if (json !== undefined) report.write(json);
    if (keep || !report.ok) console.log(`  logs: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
    return report.ok ? 0 : 1;
  } finally {
    await server.stop();
  }
}
