import { Injectable } from '@nestjs/common';
import { type AsyncApiDocument, type AsyncApiOptions, asyncApiOf } from './async-api.js';
import { ContractRegistry } from './contract-registry.js';
import { type ContractFinding, review } from './contract-review.js';
import { ContractSchemas } from './contract-schemas.js';
import type { AnyEventContract } from './event-contract.js';
import type { KeptContract } from './event-contract.store.js';
import type { JsonSchema } from './schemas/event-schema.js';
import { Upcasts } from './upcasts.js';
import { validateLater } from './validate.js';
import { problemsOf, violated } from './violations.js';

/** The contracts of the application. */
@Injectable()
export class ContractsService {
  constructor(
    private readonly registry: ContractRegistry,
    private readonly schemas: ContractSchemas,
    private readonly upcasts: Upcasts,
  ) {}

  /** All contracts, by name and then by version. */
  list(): readonly AnyEventContract[] {
    return this.registry.all();
  }

  /** The contract of this name, in the newest version if none is given. Undefined if there is none. */
  get(name: string, version?: number): AnyEventContract | undefined {
    return version === undefined ? this.registry.newest(name) : this.registry.get(name, version);
  }

  /**
   * Checks a payload as publishing does, and resolves to what would be stored. Rejects with
   * INTEGRATION_CONTRACT_VIOLATION and every path (`details.problems`), or with INTEGRATION_OPTIONS_INVALID
   * if there is no such contract.
   */
  async validate(name: string, payload: unknown, version?: number): Promise<unknown> {
    const contract = this.registry.require(name, version);
    const result = await validateLater(contract.schema, payload);
    if (result.issues === undefined) return result.value;
    const problems = problemsOf(contract.schema, result.issues, 'payload');
    throw violated([{ eventName: name, version: contract.version, problems, thrown: result.thrown }]);
  }

  /**
   * Returns the payload of version `from` as the newest version has it. It may change the given object. It
   * returns the payload of the newest version, or of one that is newer than the code, as it is.
   *
   * @throws IntegrationError INTEGRATION_CONTRACT_UPCAST_FAILED, or INTEGRATION_OPTIONS_INVALID if there is
   * no such contract
   */
  upcast(name: string, from: number, payload: unknown): unknown {
    return this.upcasts.raise(this.registry.require(name), from, payload);
  }

  /**
   * The JSON Schema (draft 7) of the payloads that are stored. Undefined if the library of the schema has
   * none.
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID if there is no such contract
   */
  jsonSchema(name: string, version?: number): JsonSchema | undefined {
    return this.schemas.of(this.registry.require(name, version));
  }

  /** An AsyncAPI 3 document of the contracts, as the command `contracts export` writes it. */
  asyncApi(options: AsyncApiOptions = {}): AsyncApiDocument {
    return asyncApiOf(this.schemas.all(), options);
  }

  /**
   * Compares the contracts of the code with kept ones, such as those of a file that `contracts export` wrote.
   * The boot compares them with the table in the same way.
   */
  check(kept: readonly KeptContract[]): readonly ContractFinding[] {
    return review(this.schemas.all(), kept).findings;
  }
}
