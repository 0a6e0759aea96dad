import type { Command } from '../../cli/command.js';
import { table } from '../../cli/table.js';
import { comparisonOf } from '../contract-comparison.js';
import { contractsOf, MODULE_OPTION } from './code-contracts.js';

/** Shows the contracts that processes have registered, or those of the code. */
export const contractsListCommand: Command = {
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
