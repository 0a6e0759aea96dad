import { IntegrationError } from '../errors.js';
import { suggestionFor } from '../words/known-names.js';
import type { AnyEventContract } from './event-contract.js';

/** The contracts of an application, by name and version. */
export class ContractRegistry {
  private readonly byName = new Map<string, Map<number, AnyEventContract>>();
  private readonly newestByName = new Map<string, AnyEventContract>();

  constructor(contracts: readonly AnyEventContract[] = []) {
    this.add(contracts);
  }

  /**
   * Adds contracts. The same contract may be added again, because several modules may use it.
   *
   * @throws IntegrationError INTEGRATION_CONTRACT_DUPLICATE for another contract of the same name and version
   */
  add(contracts: readonly AnyEventContract[]): void {
    for (const contract of contracts) {
      const { name, version } = contract;
      const versions = this.byName.get(name) ?? new Map<number, AnyEventContract>();
      const known = versions.get(version);
      if (known !== undefined && known !== contract) throw duplicate(name, version);
      versions.set(version, contract);
      this.byName.set(name, versions);
      const newest = this.newestByName.get(name);
      if (newest === undefined || newest.version < version) this.newestByName.set(name, contract);
    }
  }

  /** All contracts, by name and then by version. */
  all(): AnyEventContract[] {
    const names = [...this.byName.keys()].sort();
    return names.flatMap((name) =>
      [...(this.byName.get(name)?.values() ?? [])].sort((a, b) => a.version - b.version),
    );
  }

  /** The contract with the highest version of this name. */
  newest(name: string): AnyEventContract | undefined {
    return this.newestByName.get(name);
  }

  get(name: string, version: number): AnyEventContract | undefined {
    return this.byName.get(name)?.get(version);
  }

  /**
   * The contract of a name, in the newest version if none is given.
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID if there is none
   */
  require(name: string, version?: number): AnyEventContract {
    const found = version === undefined ? this.newest(name) : this.get(name, version);
    if (found !== undefined) return found;
    const names = [...this.byName.keys()];
    const which = version === undefined ? '' : ` in version ${version}`;
    throw new IntegrationError(
      'INTEGRATION_OPTIONS_INVALID',
      `There is no contract of ${JSON.stringify(name)}${which}${suggestionFor(name, names)}`,
      { eventName: name, version },
    );
  }
}

function duplicate(name: string, version: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONTRACT_DUPLICATE',
    `Version ${version} of ${JSON.stringify(name)} is defined twice. Keep one of the two calls of defineEvent and import its contract where the other was, or give the newer one version ${version + 1}`,
    { eventName: name, version },
  );
}
