import type { KeptContract } from './event-contract.store.js';

/** The format of the file. A later version of the package may write another one. */
const FORMAT = 1;

/** The text of the file that is committed beside the code. It is the same for the same contracts. */
export function writeContractsFile(contracts: readonly KeptContract[]): string {
  const listed = contracts
    .map(({ name, version, visibility, retired, description, hash, schema }) => ({
      name,
      version,
      visibility,
      retired,
      description,
      hash,
      schema,
    }))
    .sort((a, b) => (a.name === b.name ? a.version - b.version : a.name < b.name ? -1 : 1));
  return `${JSON.stringify({ format: FORMAT, contracts: listed }, null, 2)}\n`;
}

/** Reads such a file. It throws an Error with the reason if the text is not such a file. */
export function readContractsFile(text: string): KeptContract[] {
  const { format, contracts } = Object(JSON.parse(text)) as { format?: unknown; contracts?: unknown };
  if (format !== FORMAT || !Array.isArray(contracts) || !contracts.every(isKept))
    throw new Error('it is not a contracts.json of this version of nestjs-integration');
  return contracts;
}

function isKept(value: unknown): value is KeptContract {
  const { name, version, visibility, retired, schema, hash } = Object(value) as Record<string, unknown>;
  return (
    typeof name === 'string' &&
    Number.isInteger(version) &&
    (visibility === 'internal' || visibility === 'public') &&
    typeof retired === 'boolean' &&
    typeof schema === 'object' &&
    (hash === null || typeof hash === 'string')
  );
}
