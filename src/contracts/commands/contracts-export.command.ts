import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, type CommandContext, UsageError } from '../../cli/command.js';
import { choiceOption, textOption } from '../../cli/options.js';
import { asyncApiOf, keyOf } from '../async-api.js';
import type { CodeContract } from '../contract-review.js';
import { writeContractsFile } from '../contracts-file.js';
import { MODULE_OPTION, manifestHere, requireCodeContracts } from './code-contracts.js';

const SCHEMAS = 'schemas';
const SCHEMA_FILE = '.schema.json';

/** Writes what others need to read the events, and what `contracts check` compares with. */
export const contractsExportCommand: Command = {
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
