import type { Command } from '../../cli/command.js';
import { facts } from '../../cli/facts.js';
import { comparisonOf, comparisonText } from '../contract-comparison.js';
import type { KeptContract } from '../event-contract.store.js';
import { contractsOf, MODULE_OPTION } from './code-contracts.js';

/** Shows each version of one event with its schema. */
export const contractsShowCommand: Command = {
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
