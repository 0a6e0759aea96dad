import { IntegrationError, messageOf } from '../../errors.js';
import type { DomainEventInput } from '../../events/domain-event.js';
import type { EventGate } from '../../events/event-gate.js';
import type { EventLimits } from '../../events/event-limits.js';
import { UuidV7Generator } from '../../events/uuid-v7.js';
import { toLogEntry } from '../../log/log-entry.js';
import type { Lease } from '../../membership/leases/lease.js';
import { leaseLost } from '../../membership/leases/taken-lease.js';
import type { DomainEventPublisher } from '../../outbox/domain-event-publisher.js';
import { readCloudEvent } from '../cloud-events/read.js';
import { eventOf, type ReadMessage, type Receiver } from './received-event.js';
import { rejectionOf } from './rejected-message.js';
import type { SourceMessage } from './source-message.js';
import type { SourceCounts } from './source-metrics.js';

/** What sources use of the engine. */
export interface SourceEngine {
  readonly publisher: DomainEventPublisher;
  readonly gate: EventGate;
  readonly limits: EventLimits;
}

/** A message, and what is stored of it. */
interface Storable extends ReadMessage {
  readonly event: DomainEventInput;
  /** Why it is no event. Undefined if it is one. */
  readonly rejection?: string | undefined;
}

/** The messages of a pull, and what is to be stored of each. */
export interface ReadPull {
  readonly messages: readonly SourceMessage[];
  readonly read: readonly Storable[];
}

/** What became of the messages of a pull. */
export interface StoredPull {
  readonly counts: SourceCounts;
  /** Why the last one was rejected. Undefined if none was. */
  readonly rejection: string | undefined;
}

/** Publishing refuses all events of a call for one that has such a problem. */
const OF_THE_EVENT: ReadonlySet<unknown> = new Set([
  'INTEGRATION_EVENT_INVALID',
  'INTEGRATION_PAYLOAD_INVALID',
  'INTEGRATION_PAYLOAD_TOO_LARGE',
  'INTEGRATION_CONTRACT_VIOLATION',
]);
const NO_PLACE = () => '';

/** Stores the messages of one pull. */
export class SourceStorage {
  private readonly ids = new UuidV7Generator();

  constructor(
    private readonly engine: SourceEngine,
    private readonly receiver: Receiver,
  ) {}

  /** Makes an event of each message, one after another. What is no event will be stored as rejected. */
  async read(messages: readonly SourceMessage[]): Promise<ReadPull> {
    const read: Storable[] = [];
    for (const message of messages) read.push(await this.readOne(message));
    return { messages, read };
  }

  /**
   * Stores a whole pull by one statement, in its order. It resolves when that is committed under the lease,
   * and rejects if nothing is stored.
   */
  async store({ read }: ReadPull, lease: Lease): Promise<StoredPull> {
    try {
      return await this.publish(read, lease);
    } catch (error) {
      if (!(error instanceof IntegrationError && OF_THE_EVENT.has(error.code))) throw error;
      const judged: Storable[] = [];
      for (const each of read) judged.push(await this.judge(each));
      return await this.publish(judged, lease);
    }
  }

  private async readOne(message: SourceMessage): Promise<Storable> {
    const received = { message, read: readCloudEvent(message) };
    try {
      return { ...received, event: await eventOf(received, this.receiver) };
    } catch (error) {
      return this.rejected(received, error);
    }
  }

  /**
   * Looks at one event as publishing does. Most pulls have no event with a problem, and none is looked at
   * twice.
   */
  private async judge(each: Storable): Promise<Storable> {
    const { publishing } = this.engine.gate;
    try {
      const [event = each.event] = (await publishing?.([each.event], NO_PLACE)) ?? [];
      toLogEntry(event, this.ids, this.engine.limits);
      return each;
    } catch (error) {
      return this.rejected(each, error, each.event.deduplicationKey);
    }
  }

  private rejected({ message, read }: ReadMessage, error: unknown, eventKey?: string): Storable {
    const { name } = this.receiver.options;
    const { maxPayloadBytes } = this.engine.limits;
    const event = rejectionOf(name, { message, read }, error, { maxPayloadBytes, eventKey });
    return { message, read, event, rejection: messageOf(error) };
  }

  /**
   * A process that has stalled may still hold a pull when another one has the lease. What it stores would
   * come behind newer messages. The fence refuses that: it is a condition of the statement that stores, which
   * is its own transaction, so nobody takes the lease between the look at it and the commit. Positions are
   * drawn for rows that the condition has let pass, so they are later than those of each former owner.
   */
  private async publish(read: readonly Storable[], lease: Lease): Promise<StoredPull> {
    const published = await this.engine.publisher.publishEventsIf(
      lease.fenceSql(2),
      read.map(({ event }) => event),
      () => leaseLost(lease.name, 'another process has had it since'),
    );
    const counts = { stored: 0, repeated: 0, rejected: 0 };
    let rejection: string | undefined;
    for (const [i, { duplicate }] of published.entries()) {
      const reason = duplicate ? undefined : read[i]?.rejection;
      rejection = reason ?? rejection;
      counts[duplicate ? 'repeated' : reason === undefined ? 'stored' : 'rejected']++;
    }
    return { counts, rejection };
  }
}
