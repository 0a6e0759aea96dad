import type { ContractRegistry } from './contract-registry.js';
import type { CodeContract } from './contract-review.js';
import type { AnyEventContract } from './event-contract.js';
import { type JsonSchema, prepareSchema } from './schemas/event-schema.js';
import { type FoundSchema, jsonSchemaOf } from './standard-json-schema.js';

/** The JSON Schemas of contracts. They are made once. */
export class ContractSchemas {
  private readonly found = new Map<AnyEventContract, FoundSchema>();

  constructor(private readonly registry: ContractRegistry) {}

  /** Loads what schemas need, and makes their JSON Schemas. Rejects with INTEGRATION_PEER_MISSING. */
  async prepare(): Promise<void> {
    for (const contract of this.registry.all()) {
      if (this.found.has(contract)) continue;
      await prepareSchema(contract.schema);
      this.found.set(contract, await jsonSchemaOf(contract.schema));
    }
  }

  /** Undefined if the library has none, or before `prepare`. */
  of(contract: AnyEventContract): JsonSchema | undefined {
    const found = this.found.get(contract);
    return found?.kind === 'found' ? found.schema : undefined;
  }

  /** All contracts with what is kept of them, after `prepare`. */
  all(): CodeContract[] {
    return this.registry.all().map((contract) => {
      const found = this.found.get(contract);
      const { name, version, visibility, description = null, retired } = contract;
      const isFound = found?.kind === 'found';
      const schema = isFound ? found.schema : null;
      const hash = isFound ? found.hash : null;
      return {
        contract,
        kept: { name, version, schema, hash, visibility, description, retired },
        why: found?.kind === 'none' ? found.why : undefined,
      };
    });
  }
}
