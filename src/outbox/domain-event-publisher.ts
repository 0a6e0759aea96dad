import { Injectable } from '@nestjs/common';
import { currentFence, namesOf, type PublishedRecord } from '../context/integration-context.js';
import { HostClient } from '../database/clients/host-client.js';
import type { SqlClient } from '../database/clients/sql-client.js';
import { IntegrationError } from '../errors.js';
import type {
  DomainEventInput,
  EventName,
  KnownName,
  NameWithoutPayload,
  NoPayload,
  PayloadOf,
  PublishedEvent,
} from '../events/domain-event.js';
import { EventGate, type Publishing } from '../events/event-gate.js';
import { EventLimits } from '../events/event-limits.js';
import { validateSource } from '../events/event-validation.js';
import { UuidV7Generator } from '../events/uuid-v7.js';
import { type LogEntry, toLogEntry } from '../log/log-entry.js';
import { SequenceGuard } from '../log/sequence-guard.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { EngineTelemetry } from '../telemetry/engine-telemetry.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { AggregatePublisher } from './aggregate-publisher.js';
import { CommitProber } from './commit-prober.js';
import { OutboxEventStore, type WriteCondition } from './outbox-event.store.js';
import {
  OPTIONS_OF_SEPARATE_ARGUMENTS,
  type PublishEventOptions,
  type PublishOptions,
} from './publish-options.js';
import { choosePublishTarget, type PublishTarget } from './publish-target.js';

/**
 * Publishes domain events. Each is one INSERT into the log, in the caller's transaction if
 * `persistenceClient` is given.
 *
 * Publish after the write that serializes the aggregate (its row lock or version check), because the order of
 * its events depends on that.
 *
 * Rejects with an IntegrationError before any SQL: INTEGRATION_EVENT_INVALID, INTEGRATION_PAYLOAD_INVALID
 * (with the JSON path) or INTEGRATION_PAYLOAD_TOO_LARGE for an event that cannot be published;
 * INTEGRATION_CLIENT_IS_ROOT or INTEGRATION_CLIENT_INVALID for a wrong client;
 * INTEGRATION_TRANSACTION_FORGOTTEN if a transaction is open and its client was not passed;
 * INTEGRATION_OUTBOX_DISABLED if the outbox is switched off.
 *
 * Rejects with INTEGRATION_SEQUENCE_BEHIND if the event would get, or has got, a position that consumers have
 * already passed, because such an event would never be delivered, and with INTEGRATION_SEQUENCE_EXHAUSTED if
 * the sequence of positions has come to its end.
 */
@Injectable()
export class DomainEventPublisher {
  private readonly ids = new UuidV7Generator();

  constructor(
    private readonly host: HostClient,
    private readonly store: OutboxEventStore,
    private readonly settings: IntegrationSettingsService,
    private readonly limits: EventLimits,
    private readonly notifier: OutboxNotifier,
    private readonly prober: CommitProber,
    private readonly sequence: SequenceGuard,
    private readonly telemetry: EngineTelemetry,
    private readonly gate: EventGate,
  ) {}

  /**
   * A publisher that knows module and aggregate type, so that they need not be given with each event:
   * `publisher.for('finance', 'invoice').publish('invoice.created', id, payload, tx)`.
   *
   * @throws IntegrationError INTEGRATION_EVENT_INVALID for names that no event can have
   */
  for(sourceModule: string, aggregateType: string): AggregatePublisher {
    validateSource(sourceModule, aggregateType);
    return new AggregatePublisher(this, sourceModule, aggregateType);
  }

  /** Publishes one event given as an object. */
  publishEvent<N extends EventName>(
    event: DomainEventInput<N>,
    options?: PublishOptions,
  ): Promise<PublishedEvent>;
  /**
   * Publishes one event given as separate arguments. `options` also takes the optional fields of the event.
   */
  publishEvent<N extends EventName>(
    eventName: KnownName<N> & NameWithoutPayload<N>,
    sourceModule: string,
    aggregateType: string,
    aggregateId: string,
  ): Promise<PublishedEvent>;
  publishEvent<N extends EventName>(
    eventName: KnownName<N>,
    sourceModule: string,
    aggregateType: string,
    aggregateId: string,
    payload: PayloadOf<N> | NoPayload<N>,
    options?: PublishEventOptions,
  ): Promise<PublishedEvent>;
  publishEvent(
    eventOrName: DomainEventInput | string,
    optionsOrModule?: PublishOptions | string,
    aggregateType?: string,
    aggregateId?: string,
    payload?: unknown,
    options?: PublishEventOptions,
  ): Promise<PublishedEvent> {
    return typeof eventOrName === 'string'
      ? this.publishParts(eventOrName, optionsOrModule, aggregateType, aggregateId, payload, options)
      : this.publish(eventOrName, optionsOrModule as PublishOptions | undefined);
  }

  /**
   * Publishes events in one statement: all or none, with positions that ascend in the given order. If several
   * events have the same deduplication key, the first is published and the others are its duplicates. Two
   * transactions that publish the same keys in different orders can deadlock. Postgres then ends one of them.
   */
  async publishEvents<N extends readonly EventName[]>(
    events: readonly [...{ [K in keyof N]: DomainEventInput<N[K]> }],
    options?: PublishOptions,
  ): Promise<PublishedEvent[]>;
  async publishEvents(
    events: readonly DomainEventInput[],
    options?: PublishOptions,
  ): Promise<PublishedEvent[]> {
    return this.telemetry.isOn
      ? this.telemetry.publish(events, (observed) => this.publishAll(observed, options))
      : this.publishAll(events, options);
  }

  /**
   * Publishes events in one statement, outside of every transaction, if a condition holds. Rejects with what
   * `refused` makes if an event is not in the log then, because the condition is false. Some of the events
   * may be in the log all the same, from an earlier call with their keys.
   *
   * @internal For parts of this package.
   */
  publishEventsIf(
    condition: WriteCondition,
    events: readonly DomainEventInput[],
    refused: () => Error,
  ): Promise<PublishedEvent[]> {
    const publish = async (observed: readonly DomainEventInput[]) =>
      this.publishAll(observed, { outsideTransaction: true }, async (client, entries) => {
        const results = await this.store.appendAllIf(client, entries, condition);
        if (results === undefined) throw refused();
        return results;
      });
    return this.telemetry.isOn ? this.telemetry.publish(events, publish) : publish(events);
  }

  private async publishAll(
    events: readonly DomainEventInput[],
    options: PublishOptions | undefined,
    append: Append = (client, entries) => this.store.appendAll(client, entries),
  ): Promise<PublishedEvent[]> {
    this.refuseWhenDisabled();
    if (this.sequence.isRefusing) await this.sequence.verifySequence();
    const target = choosePublishTarget(options, this.host);
    if (!Array.isArray(events)) {
      throw new IntegrationError('INTEGRATION_EVENT_INVALID', 'publishEvents needs an array of events', {
        fields: ['events'],
      });
    }
    const { publishing } = this.gate;
    const storable = publishing === undefined ? events : await publishing(events, placeOf);
    const entries = storable.map((event, index) => toLogEntry(event, this.ids, this.limits, placeOf(index)));
    if (entries.length === 0) return [];
    const distinct = withoutRepeatedKeys(entries);
    refuseRepeatedIds(distinct);
    const { tail } = this.sequence;
    const fence = currentFence();
    if (fence !== undefined) await this.store.requireInRehearsal(target.client, fence);
    const results = await append(target.client, distinct);
    if (results.some(({ duplicate, position }) => !duplicate && position < tail))
      await this.sequence.verifySequence();
    this.announce(target, recordsOf(distinct, results));
    return inTheOrderOf(entries, distinct, results);
  }

  private async publishParts(
    eventName: string,
    sourceModule: unknown,
    aggregateType: string | undefined,
    aggregateId: string | undefined,
    payload: unknown,
    options: PublishEventOptions | undefined,
  ): Promise<PublishedEvent> {
    const event = { eventName, sourceModule, aggregateType, aggregateId, payload, ...fieldsOf(options) };
    return this.publish(event as DomainEventInput, options, OPTIONS_OF_SEPARATE_ARGUMENTS);
  }

  private async publish(
    event: DomainEventInput,
    options: PublishOptions | undefined,
    known?: ReadonlySet<string>,
  ): Promise<PublishedEvent> {
    if (!this.telemetry.isOn) return this.publishOne(event, options, known);
    const publish = async ([observed = event]: readonly DomainEventInput[]) => [
      await this.publishOne(observed, options, known),
    ];
    const [published] = await this.telemetry.publish([event], publish);
    return published as PublishedEvent;
  }

  private async publishOne(
    event: DomainEventInput,
    options: PublishOptions | undefined,
    known?: ReadonlySet<string>,
  ): Promise<PublishedEvent> {
    this.refuseWhenDisabled();
    if (this.sequence.isRefusing) await this.sequence.verifySequence();
    const target = choosePublishTarget(options, this.host, known);
    const { publishing } = this.gate;
    const storable = publishing === undefined ? event : await theOneOf(event, publishing);
    const entry = toLogEntry(storable, this.ids, this.limits);
    const { tail } = this.sequence;
    const fence = currentFence();
    if (fence !== undefined) await this.store.requireInRehearsal(target.client, fence);
    const result = await this.store.insertEvent(target.client, entry);
    if (result.position < tail && !result.duplicate) await this.sequence.verifySequence();
    if (!result.duplicate) this.announce(target, [{ position: result.position, eventName: entry.eventName }]);
    return result;
  }

  /**
   * Wakes the consumers when the events are committed. That is now, or when our transaction ends, or when a
   * probe sees the events.
   */
  private announce(target: PublishTarget, records: readonly PublishedRecord[]): void {
    const last = records.at(-1);
    if (last === undefined) return;
    if (target.kind === 'our-transaction') {
      for (const record of records) target.scope.published.push(record);
      return;
    }
    const eventNames = namesOf(records);
    if (target.kind === 'own-statement') this.notifier.signal({ source: 'publish', eventNames });
    else this.prober.watch(last.position, eventNames);
  }

  private refuseWhenDisabled(): void {
    if (this.settings.snapshot().enabled) return;
    throw new IntegrationError(
      'INTEGRATION_OUTBOX_DISABLED',
      'The outbox is switched off (setting core.integration.outbox.enabled), so the event was not published. Switch it on, or publish later',
    );
  }
}

type Append = (client: SqlClient, entries: readonly LogEntry[]) => Promise<PublishedEvent[]>;

function placeOf(index: number): string {
  return `events[${index}].`;
}

const NO_PLACE = () => '';

async function theOneOf(event: DomainEventInput, publishing: Publishing): Promise<DomainEventInput> {
  const [storable = event] = await publishing([event], NO_PLACE);
  return storable;
}

/** The fields of the event among the options of the form with separate arguments. */
function fieldsOf(options: PublishEventOptions | undefined): Partial<DomainEventInput> | undefined {
  if (options === undefined) return undefined;
  const { metadata, eventVersion, availableAt, delayMs, deduplicationKey, id } = options;
  return { metadata, eventVersion, availableAt, delayMs, deduplicationKey, id };
}

/** The records of the events that are not duplicates. */
function recordsOf(entries: readonly LogEntry[], results: readonly PublishedEvent[]): PublishedRecord[] {
  const records: PublishedRecord[] = [];
  for (const [index, { duplicate, position }] of results.entries())
    if (!duplicate) records.push({ position, eventName: entries[index]?.eventName ?? '' });
  return records;
}

function withoutRepeatedKeys(entries: readonly LogEntry[]): LogEntry[] {
  const seen = new Set<string>();
  return entries.filter(({ deduplicationKey: key }) => key === null || (!seen.has(key) && seen.add(key)));
}

function refuseRepeatedIds(entries: readonly LogEntry[]): void {
  const seen = new Set<string>();
  for (const [index, { id }] of entries.entries()) {
    if (seen.has(id)) {
      throw new IntegrationError(
        'INTEGRATION_EVENT_INVALID',
        `events[${index}].id is the id of an earlier event of this call`,
        {
          fields: [`events[${index}].id`],
        },
      );
    }
    seen.add(id);
  }
}

/** The receipts of all events, including the ones with a repeated key, in the order of the call. */
function inTheOrderOf(
  entries: readonly LogEntry[],
  distinct: readonly LogEntry[],
  results: readonly PublishedEvent[],
): PublishedEvent[] {
  if (entries.length === distinct.length) return [...results];
  const byEntry = new Map(distinct.map((entry, index) => [entry, results[index]]));
  const byKey = new Map(distinct.map((entry, index) => [entry.deduplicationKey, results[index]]));
  return entries.flatMap((entry) => {
    const own = byEntry.get(entry);
    const first = own ?? byKey.get(entry.deduplicationKey);
    return first === undefined ? [] : [own ?? { ...first, duplicate: true }];
  });
}
