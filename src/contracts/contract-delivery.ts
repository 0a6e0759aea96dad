import { PostponeError } from '../errors.js';
import type { DomainEvent } from '../events/domain-event.js';
import type { Delivering } from '../events/event-gate.js';
import type { ContractRegistry } from './contract-registry.js';
import type { ContractsSettings } from './contracts-options.js';
import type { AnyEventContract } from './event-contract.js';
import type { Upcasts } from './upcasts.js';

/**
 * How long an event waits whose version is newer than the code, in milliseconds. Then it is looked at again.
 */
const POSTPONED_MS = 5_000;

/** Gives handlers the newest version of each event, whatever version was stored. */
export class ContractDelivery {
  constructor(
    private readonly registry: ContractRegistry,
    private readonly upcasts: Upcasts,
    private readonly settings: ContractsSettings,
    private readonly postponedMs = POSTPONED_MS,
  ) {}

  readonly delivering: Delivering = (event, isText) => {
    const contract = this.registry.newest(event.eventName);
    if (contract === undefined || event.eventVersion === contract.version) return event;
    if (event.eventVersion > contract.version) return this.newer(event, contract);
    return isText ? this.raisedText(event, contract) : this.raised(event, contract);
  };

  /** No attempt counts, and later events of the aggregate wait. A process of a newer release handles both. */
  private newer(event: DomainEvent, { name, version }: AnyEventContract): DomainEvent {
    if (this.settings.newerVersion === 'deliver') return event;
    throw new PostponeError(
      this.postponedMs,
      `${name} is stored in version ${event.eventVersion}, and this process knows version ${version}`,
    );
  }

  private raised(event: DomainEvent, contract: AnyEventContract): DomainEvent {
    const payload = this.upcasts.raise(contract, event.eventVersion, event.payload);
    return { ...event, eventVersion: contract.version, payload };
  }

  /** A text stays the text that is stored, with every digit, unless an upcaster has to change it. */
  private raisedText(event: DomainEvent, contract: AnyEventContract): DomainEvent {
    const { eventVersion: from } = event;
    const text = event.payload as string;
    if (!this.upcasts.isNeeded(contract, from)) return { ...event, eventVersion: contract.version };
    const payload = JSON.stringify(this.upcasts.raise(contract, from, JSON.parse(text)));
    return { ...event, eventVersion: contract.version, payload };
  }
}
