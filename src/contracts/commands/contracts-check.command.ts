import { readFile } from 'node:fs/promises';
import { type Command, type CommandContext, UsageError } from '../../cli/command.js';
import { textOption } from '../../cli/options.js';
import { messageOf } from '../../errors.js';
import { type CodeContract, type ContractFinding, missingOf, review } from '../contract-review.js';
import { readContractsFile } from '../contracts-file.js';
import { EventContractStore, type KeptContract } from '../event-contract.store.js';
import { MODULE_OPTION, requireCodeContracts } from './code-contracts.js';

/** Compares the contracts of the code with those of a file, or with those that are registered. */
export const contractsCheckCommand: Command = {
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
