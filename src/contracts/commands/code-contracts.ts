import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CommandContext, type CommandOption, UsageError } from '../../cli/command.js';
import { textOption } from '../../cli/options.js';
import { messageOf } from '../../errors.js';
import { ContractRegistry } from '../contract-registry.js';
import type { CodeContract } from '../contract-review.js';
import { ContractSchemas } from '../contract-schemas.js';
import { contractsIn } from '../contracts-in-exports.js';
import { EventContractStore, type KeptContract } from '../event-contract.store.js';

export const MODULE_OPTION: Readonly<Record<string, CommandOption>> = {
  module: {
    type: 'string',
    summary:
      'compiled file that exports contracts, or a Nest module that adds them; default: "nestjs-integration": { "contracts": … } in package.json',
  },
};

/** What is read of the package.json of the folder. */
interface Manifest {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly 'nestjs-integration'?: { readonly contracts?: unknown };
}

/** The package.json of the folder in which the command runs, or an empty one. */
export async function manifestHere(): Promise<Manifest> {
  try {
    return JSON.parse(await readFile('package.json', 'utf8')) as Manifest;
  } catch {
    return {};
  }
}

/** The contracts of the file that `--module` names. Undefined if none is named anywhere. */
async function codeContracts({ options }: CommandContext): Promise<CodeContract[] | undefined> {
  const configured = (await manifestHere())['nestjs-integration']?.contracts;
  const file = textOption(options, 'module') ?? (typeof configured === 'string' ? configured : undefined);
  if (file === undefined) return undefined;
  const contracts = contractsIn(await exportsOf(file));
  if (contracts.length === 0) {
    throw new UsageError(
      `${file} exports no contract, and no Nest module that imports ContractsModule.forFeature([…])`,
    );
  }
  const schemas = new ContractSchemas(new ContractRegistry(contracts));
  await schemas.prepare();
  return schemas.all();
}

/** The same for commands that are about the code. */
export async function requireCodeContracts(context: CommandContext): Promise<CodeContract[]> {
  const contracts = await codeContracts(context);
  if (contracts !== undefined) return contracts;
  throw new UsageError(
    'no contracts: give --module with the compiled file that exports them, such as --module ./dist/events.js',
  );
}

/** What is kept of the contracts of the code, or what is registered in the database. */
export async function contractsOf(
  context: CommandContext,
  names?: readonly string[],
): Promise<readonly KeptContract[]> {
  const ofCode = await codeContracts(context);
  if (ofCode !== undefined) return ofCode.map(({ kept }) => kept);
  return context.withDatabase((db) => new EventContractStore(db).find(names));
}

async function exportsOf(file: string): Promise<object> {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as object;
  } catch (cause) {
    const hint = /\.tsx?$/.test(file) ? '. Compile it first, and name the .js file' : '';
    throw new UsageError(`--module ${file} cannot be loaded: ${messageOf(cause)}${hint}`, { cause });
  }
}
