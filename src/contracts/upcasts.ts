import { IntegrationError, messageOf } from '../errors.js';
import { findJsonProblem, type JsonProblem } from '../events/json-problem.js';
import { EngineLogger } from '../words/engine-logger.js';
import { problemOfValue } from './compatibility/value-problem.js';
import type { ContractRegistry } from './contract-registry.js';
import type { ContractSchemas } from './contract-schemas.js';
import type { ContractsSettings } from './contracts-options.js';
import type { AnyEventContract } from './event-contract.js';
import { jsonForm } from './schemas/json-form.js';

/**
 * Makes payloads of the newest version. What an upcaster returns is compared with the JSON Schema of its
 * version. The schema itself cannot be asked: it takes what is published, and an upcaster returns what would
 * be stored.
 */
export class Upcasts {
  private readonly logger = new EngineLogger('Contracts');

  constructor(
    private readonly registry: ContractRegistry,
    private readonly schemas: ContractSchemas,
    private readonly settings: ContractsSettings,
  ) {}

  /** Whether there is an upcaster on the way from this version. */
  isNeeded({ upcast: upcasters }: AnyEventContract, from: number): boolean {
    return Object.keys(upcasters).some((version) => Number(version) >= from);
  }

  /**
   * The payload of version `from` as the contract's version has it. A version without an upcaster is
   * compatible with the next one, which the boot has checked.
   *
   * @throws IntegrationError INTEGRATION_CONTRACT_UPCAST_FAILED, which names the versions
   */
  raise(contract: AnyEventContract, from: number, payload: unknown): unknown {
    let current = payload;
    let last: number | undefined;
    for (let version = from; version < contract.version; version++) {
      const upcaster = contract.upcast[version] as ((payload: unknown) => unknown) | undefined;
      if (upcaster === undefined) continue;
      current = resultOf(upcaster, current, contract, version);
      last = version;
      const next = this.registry.get(contract.name, version + 1);
      if (next !== undefined) this.check(next, current, version);
    }
    // Behind the last upcaster are versions that can read the ones before.
    if (last !== undefined && last + 1 < contract.version) this.check(contract, current, last);
    return current;
  }

  private check(contract: AnyEventContract, payload: unknown, version: number): void {
    if (this.settings.upcasts === 'trust') return;
    const problem = this.problemOf(contract, payload);
    if (problem === undefined) return;
    const { name } = contract;
    const { path, reason } = problem;
    const error = failed(
      name,
      version,
      `returned a payload that does not fit version ${contract.version}: ${path}: ${reason}`,
      { path, problems: [problem] },
    );
    if (this.settings.enforcement === 'reject') throw error;
    this.logger.warnOfFailure(`${error.message}. Handled as it is, because enforcement is "warn".`, name);
  }

  private problemOf(contract: AnyEventContract, payload: unknown): JsonProblem | undefined {
    const schema = this.schemas.of(contract);
    if (schema === undefined) return undefined;
    return findJsonProblem(payload, 'payload') ?? problemOfValue(schema, jsonForm(payload), 'payload');
  }
}

function resultOf(
  upcaster: (payload: unknown) => unknown,
  payload: unknown,
  { name }: AnyEventContract,
  version: number,
): unknown {
  let result: unknown;
  try {
    result = upcaster(payload);
  } catch (cause) {
    throw failed(name, version, `threw: ${messageOf(cause)}`, {}, cause);
  }
  if (result === undefined) throw failed(name, version, 'returned nothing: it must return the payload');
  if (result instanceof Promise) {
    result.catch(() => {});
    throw failed(name, version, 'returned a promise: it must return the payload itself');
  }
  return result;
}

function failed(
  name: string,
  version: number,
  what: string,
  more: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONTRACT_UPCAST_FAILED',
    `The upcaster of ${name} from version ${version} to ${version + 1} ${what}`,
    { eventName: name, from: version, to: version + 1, ...more },
    { cause },
  );
}
