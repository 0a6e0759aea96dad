import { Injectable } from '@nestjs/common';
import { upcast } from './contract-delivery.js';
import { ContractRegistry } from './contract-registry.js';
import type { AnyEventContract } from './event-contract.js';
import { problemsOf, violated } from './violations.js';

/** The contracts of the application. */
@Injectable()
export class ContractsService {
  constructor(private readonly registry: ContractRegistry) {}

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
   * INTEGRATION_CONTRACT_VIOLATION and every path (`details.problems`), or with INTEGRATION_OPTIONS_INVALID if
   * there is no such contract.
   */
  async validate(name: string, payload: unknown, version?: number): Promise<unknown> {
    const contract = this.registry.require(name, version);
    const result = await contract.schema['~standard'].validate(payload);
    if (result.issues === undefined) return result.value;
    const problems = problemsOf(contract.schema, result.issues, 'payload');
    throw violated([{ eventName: name, version: contract.version, problems }]);
  }

  /**
   * Returns the payload of version `from` as the newest version has it. It may change the given object. It
   * returns the payload of the newest version, or of one that is newer than the code, as it is.
   *
   * @throws IntegrationError INTEGRATION_CONTRACT_UPCAST_FAILED, or INTEGRATION_OPTIONS_INVALID if there is no
   * such contract
   */
  upcast(name: string, from: number, payload: unknown): unknown {
    return upcast(this.registry.require(name), from, payload);
  }
}
