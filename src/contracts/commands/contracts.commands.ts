import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, type CommandContext, UsageError } from '../../cli/command.js';
import { facts } from '../../cli/facts.js';
import { choiceOption, textOption } from '../../cli/options.js';
import { table } from '../../cli/table.js';
import { messageOf } from '../../errors.js';
import { asyncApiOf, keyOf } from '../async-api.js';
import { comparisonOf, comparisonText } from '../contract-comparison.js';
import { type CodeContract, type ContractFinding, missingOf, review } from '../contract-review.js';
import { readContractsFile, writeContractsFile } from '../contracts-file.js';
import { EventContractStore, type KeptContract } from '../event-contract.store.js';
import { contractsOf, MODULE_OPTION, manifestHere, requireCodeContracts } from './code-contracts.js';

/** Shows the contracts that processes have registered, or those of the code. */
const contractsListCommand: Command = {
  name: 'contracts list',
  parameters: [],
  options: MODULE_OPTION,
  worksWithoutDatabase: true,
  summary: 'show the contracts of events that processes have registered, or with --module those of the code',
  run: async (context) => {
    const contracts = (await contractsOf(context)).map((each) => ({ ...each, ...comparisonOf(each.schema) }));
    const text =
      contracts.length === 0
        ? 'No contract is registered.'
        : table(contracts, [
            { heading: 'EVENT', cell: ({ name }) => name },
            { heading: 'VERSION', cell: ({ version }) => String(version) },
            { heading: 'VISIBILITY', cell: ({ visibility }) => visibility },
            { heading: 'STATE', cell: ({ retired }) => (retired ? 'retired' : 'published') },
            { heading: 'SCHEMA', cell: ({ hash }) => (hash === null ? 'none' : hash.slice(0, 12)) },
            { heading: 'COMPARED', cell: ({ compared }) => compared },
          ]);
    return { ok: true, data: { contracts }, text };
  },
};

/** Shows each version of one event with its schema. */
const contractsShowCommand: Command = {
  name: 'contracts show',
  parameters: ['event'],
  options: MODULE_OPTION,
  worksWithoutDatabase: true,
  summary:
    'show the versions of one event with their schemas, as they are registered or with --module in the code',
  run: async (context) => {
    const [name = ''] = context.arguments;
    const contracts = (await contractsOf(context, [name])).filter((each) => each.name === name);
    const text =
      contracts.length === 0
        ? `No contract of ${JSON.stringify(name)} is known.`
        : contracts.map(describe).join('\n\n');
    return { ok: contracts.length > 0, data: { contracts }, text };
  },
};

function describe(contract: KeptContract): string {
  const { name, version, visibility, retired, description, schema } = contract;
  const { registeredAt } = contract as { registeredAt?: Date };
  const about = facts([
    ['event', `${name}, version ${version}`],
    ['visibility', visibility],
    ['state', retired ? 'retired' : 'published'],
    ['registered', registeredAt?.toISOString()],
    ['compared', comparisonText(comparisonOf(schema))],
    ['description', description],
  ]);
  return `${about}\n${schema === null ? 'It has no JSON Schema.' : JSON.stringify(schema, null, 2)}`;
}

/** Compares the contracts of the code with those of a file, or with those that are registered. */
const contractsCheckCommand: Command = {
  name: 'contracts check',
  parameters: [],
  options: {
    ...MODULE_OPTION,
    against: {
      type: 'string',
      summary: 'a contracts.json that contracts export wrote; default: what is registered in the database',
    },
  },
  worksWithoutDatabase: true,
  summary: 'compare the contracts of the code with a committed file, or with those that are registered',
  run: async (context) => {
    const code = await requireCodeContracts(context);
    const findings = await findingsOf(context, code);
    const errors = findings.filter(({ severity }) => severity === 'error');
    const said =
      errors.length === 0 ? 'nothing that would fail a boot' : `${errors.length} would fail a boot`;
    return {
      ok: errors.length === 0,
      data: { contracts: code.length, findings },
      text: [
        ...findings.map(({ severity, code: which, message }) => `${message} [${which}, ${severity}]`),
        `${code.length} contracts checked: ${said}.`,
      ].join('\n\n'),
    };
  },
};

async function findingsOf(
  context: CommandContext,
  code: readonly CodeContract[],
): Promise<readonly ContractFinding[]> {
  const file = textOption(context.options, 'against');
  if (file === undefined) {
    const names = code.map(({ kept }) => kept.name);
    const kept = await context.withDatabase((db) => new EventContractStore(db).find(names));
    return review(code, kept).findings;
  }
  // A file is of this application alone. So what is not in the code any more has gone.
  const kept = await keptIn(file);
  return [...review(code, kept).findings, ...missingOf(code, kept)];
}

async function keptIn(file: string): Promise<readonly KeptContract[]> {
  try {
    return readContractsFile(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`--against ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

const SCHEMAS = 'schemas';
const SCHEMA_FILE = '.schema.json';

/** Writes what others need to read the events, and what `contracts check` compares with. */
const contractsExportCommand: Command = {
  name: 'contracts export',
  parameters: [],
  options: {
    ...MODULE_OPTION,
    out: { type: 'string', summary: 'the folder to write to' },
    visibility: {
      type: 'string',
      summary: 'public: only public events in asyncapi.json and schemas; default: all',
    },
    title: { type: 'string', summary: 'the title in asyncapi.json; default: the name in package.json' },
  },
  worksWithoutDatabase: true,
  summary:
    'write asyncapi.json (AsyncAPI 3), a JSON Schema for each version, and contracts.json for contracts check',
  run: async (context) => {
    const folder = textOption(context.options, 'out');
    if (folder === undefined)
      throw new UsageError('contracts export needs --out with the folder to write to');
    const files = await filesOf(context, await requireCodeContracts(context));
    await mkdir(join(folder, SCHEMAS), { recursive: true });
    for (const [name, text] of files) await writeFile(join(folder, name), text);
    await removeOthers(folder, new Set(files.keys()));
    const names = [...files.keys()];
    return {
      ok: true,
      data: { folder, files: names },
      text: names.map((name) => join(folder, name)).join('\n'),
    };
  },
};

/** The same contracts give the same bytes, whatever the order of the exports is. */
async function filesOf(context: CommandContext, code: readonly CodeContract[]): Promise<Map<string, string>> {
  const visibility = choiceOption(context.options, 'visibility', ['public', 'all']);
  const { name, version } = await manifestHere();
  const title = textOption(context.options, 'title') ?? textOf(name);
  const document = asyncApiOf(code, { title, version: textOf(version), visibility });
  const shown = code.filter(({ contract }) => visibility !== 'public' || contract.visibility === 'public');
  const schemas = shown.flatMap(({ kept }): [string, string][] =>
    kept.schema === null
      ? []
      : [[join(SCHEMAS, `${keyOf(kept.name)}.v${kept.version}${SCHEMA_FILE}`), jsonText(kept.schema)]],
  );
  return new Map([
    ['asyncapi.json', jsonText(document)],
    ['contracts.json', writeContractsFile(code.map(({ kept }) => kept))],
    ...schemas,
  ]);
}

/** The schema of a contract that has gone must not stay. */
async function removeOthers(folder: string, written: ReadonlySet<string>): Promise<void> {
  for (const file of await readdir(join(folder, SCHEMAS))) {
    const name = join(SCHEMAS, file);
    if (file.endsWith(SCHEMA_FILE) && !written.has(name)) await rm(join(folder, name));
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** The commands of contracts, in the order of the usage. */
export const contractsCommands: readonly Command[] = [
  contractsListCommand,
  contractsShowCommand,
  contractsCheckCommand,
  contractsExportCommand,
];
