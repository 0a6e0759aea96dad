import { IntegrationError, messageOf, PostponeError } from '../errors.js';
import type { DomainEvent } from '../events/domain-event.js';
import type { Delivering } from '../events/event-gate.js';
import type { ContractRegistry } from './contract-registry.js';
import type { ContractsSettings } from './contracts-options.js';
import type { AnyEventContract } from './event-contract.js';

/**
 * How long an event waits whose version is newer than the code, in milliseconds. Then it is looked at again.
 */
const POSTPONED_MS = 5_000;

/** Gives handlers the newest version of each event, whatever version was stored. */
export class ContractDelivery {
  constructor(
    private readonly registry: ContractRegistry,
    private readonly settings: ContractsSettings,
    private readonly postponedMs = POSTPONED_MS,
  ) {}

  readonly delivering: Delivering = (event, isText) => {
    const contract = this.registry.newest(event.eventName);
    if (contract === undefined || event.eventVersion === contract.version) return event;
    if (event.eventVersion > contract.version) return this.newer(event, contract);
    return isText ? raisedText(event, contract) : raised(event, contract);
  };

  /** No attempt counts, and later events of the aggregate wait. A process of a newer release handles both. */
  private newer(event: DomainEvent, { name, version }: AnyEventContract): DomainEvent {
    if (this.settings.newerVersion === 'deliver') return event;
    throw new PostponeError(
      this.postponedMs,
      `${name} is stored in version ${event.eventVersion}, and this process knows version ${version}`,
    );
  }
}

function raised(event: DomainEvent, contract: AnyEventContract): DomainEvent {
  const payload = upcast(contract, event.eventVersion, event.payload);
  return { ...event, eventVersion: contract.version, payload };
}

/** A text stays the text that is stored, with every digit, unless an upcaster has to change it. */
function raisedText(event: DomainEvent, contract: AnyEventContract): DomainEvent {
  const text = event.payload as string;
  if (!hasUpcasters(contract, event.eventVersion)) return { ...event, eventVersion: contract.version };
  const payload = JSON.stringify(upcast(contract, event.eventVersion, JSON.parse(text)));
  return { ...event, eventVersion: contract.version, payload };
}

function hasUpcasters({ upcast: upcasters }: AnyEventContract, from: number): boolean {
  return Object.keys(upcasters).some((version) => Number(version) >= from);
}

/**
 * The payload of version `from` as the contract's version has it. A version without an upcaster is compatible
 * with the next one, which the boot has checked.
 *
 * @throws IntegrationError INTEGRATION_CONTRACT_UPCAST_FAILED, which names the versions
 */
export function upcast(contract: AnyEventContract, from: number, payload: unknown): unknown {
  let current = payload;
  for (let version = from; version < contract.version; version++) {
    const upcaster = contract.upcast[version] as ((payload: unknown) => unknown) | undefined;
    if (upcaster !== undefined) current = resultOf(upcaster, current, contract, version);
  }
  return current;
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
    throw failed(name, version, `threw: ${messageOf(cause)}`, cause);
  }
  if (result === undefined) throw failed(name, version, 'returned nothing: it must return the payload');
  if (result instanceof Promise) {
    result.catch(() => {});
    throw failed(name, version, 'returned a promise: it must return the payload itself');
  }
  return result;
}

function failed(name: string, version: number, what: string, cause?: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONTRACT_UPCAST_FAILED',
    `The upcaster of ${name} from version ${version} to ${version + 1} ${what}`,
    { eventName: name, from: version, to: version + 1 },
    { cause },
  );
}
