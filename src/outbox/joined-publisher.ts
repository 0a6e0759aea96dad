import { Injectable } from '@nestjs/common';
import { HostClient } from '../database/clients/host-client.js';
import type { SqlClient } from '../database/clients/sql-client.js';
import { IntegrationError } from '../errors.js';
import type { DomainEventInput } from '../events/domain-event.js';
import { EventGate } from '../events/event-gate.js';
import { UuidV7Generator } from '../events/uuid-v7.js';
import { type LogEntry, toLogEntry } from '../log/log-entry.js';
import { SequenceGuard } from '../log/sequence-guard.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { EngineTelemetry } from '../telemetry/engine-telemetry.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { OPTIONS_OF_PUBLISHING } from './publish-options.js';
import { choosePublishTarget } from './publish-target.js';

/** A statement that writes an event together with something else, and commits both. */
export interface JoinedWrite<R> {
  /** The largest payload in bytes of JSON. */
  readonly maxPayloadBytes: number;
  /** Runs the statement. `position` is undefined if no event was written. */
  write(client: SqlClient, entry: LogEntry): Promise<{ position: number | undefined; result: R }>;
}

interface JoinedEnd<R> {
  readonly duplicate: boolean;
  readonly result: R;
}

/**
 * Publishes an event by a statement that writes more than the event. A part of this package that has tables
 * of its own uses it, where both are to be committed or neither. The statement runs outside of any
 * transaction of the caller.
 */
@Injectable()
export class JoinedPublisher {
  private readonly ids = new UuidV7Generator();

  constructor(
    private readonly host: HostClient,
    private readonly settings: IntegrationSettingsService,
    private readonly notifier: OutboxNotifier,
    private readonly sequence: SequenceGuard,
    private readonly telemetry: EngineTelemetry,
    private readonly gate: EventGate,
  ) {}

  /** Rejects as `DomainEventPublisher` does. */
  async publish<R>(event: DomainEventInput, joined: JoinedWrite<R>): Promise<R> {
    if (!this.telemetry.isOn) return (await this.publishOne(event, joined)).result;
    const publish = async ([observed = event]: readonly DomainEventInput[]) => [
      await this.publishOne(observed, joined),
    ];
    const [published] = await this.telemetry.publish([event], publish);
    return (published as JoinedEnd<R>).result;
  }

  private async publishOne<R>(
    event: DomainEventInput,
    { maxPayloadBytes, write }: JoinedWrite<R>,
  ): Promise<JoinedEnd<R>> {
    if (!this.settings.snapshot().enabled) {
      throw new IntegrationError(
        'INTEGRATION_OUTBOX_DISABLED',
        'The outbox is switched off (setting core.integration.outbox.enabled), so nothing was published. Switch it on, or try again later',
      );
    }
    if (this.sequence.isRefusing) await this.sequence.verifySequence();
    const { client } = choosePublishTarget({ outsideTransaction: true }, this.host, OPTIONS_OF_PUBLISHING);
    const [storable = event] = (await this.gate.publishing?.([event], () => '')) ?? [event];
    const entry = toLogEntry(storable, this.ids, { maxPayloadBytes });
    const { tail } = this.sequence;
    const { position, result } = await write(client, entry);
    if (position === undefined) return { duplicate: true, result };
    if (position < tail) await this.sequence.verifySequence();
    this.notifier.signal({ source: 'publish', eventNames: [entry.eventName] });
    return { duplicate: false, result };
  }
}
