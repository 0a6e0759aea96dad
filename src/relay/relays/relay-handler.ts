import { messageOf, NonRetryableError, SkipEventError, UnavailableError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import type { BatchSubscriberContext } from '../../subscribers/subscriber-definition.js';
import type { Sender } from '../cloud-events/event-as-cloud-event.js';
import { countsOf } from './relay-counts.js';
import type { Publish, RelayMessage, RelayOutcome } from './relay-message.js';
import type { RelayMetrics } from './relay-metrics.js';
import { DEFAULT_TIMEOUT_MS, type RelayOptions } from './relay-options.js';
import type { RelayRecord } from './relay-record.js';
import { messageOfEvent } from './relayed-event.js';
import { sendWithin } from './send-within.js';
import { sendInWaves, type Waves } from './waves.js';

const LEFT_OUT = 'the option transform of the relay left the event out';

/** The handler of a relay's consumer. */
export class RelayHandler {
  private readonly timeoutMs: number;

  constructor(
    private readonly options: Pick<RelayOptions, 'transform' | 'timeoutMs'>,
    private readonly publish: Publish,
    private readonly sender: Sender,
    private readonly metrics: RelayMetrics,
    private readonly record: RelayRecord,
  ) {
    this.timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** @throws UnavailableError if the broker took no message of the batch, because it is away */
  async handle(events: readonly DomainEvent<string>[], context: BatchSubscriberContext): Promise<void> {
    const messages = this.messagesOf(events, context);
    const waves = await sendInWaves(messages, (wave) => this.send(wave, context.signal));
    const { accepted, refused, waiting, unavailable } = waves;
    for (const { message, outcome } of refused) context.fail(message.event, errorOf(outcome));
    if (unavailable === undefined) return;
    const error = unavailableError(unavailable);
    // If the broker decided on no message, the whole batch waits. Otherwise what it accepted is settled now.
    if (accepted.length === 0 && refused.length === 0) throw error;
    for (const message of waiting) context.fail(message.event, error);
  }

  private messagesOf(
    events: readonly DomainEvent<string>[],
    context: BatchSubscriberContext,
  ): readonly RelayMessage[] {
    const { transform } = this.options;
    const options = { transform, sender: this.sender };
    const failed = new Set<string>();
    const messages: RelayMessage[] = [];
    for (const event of events) {
      // The engine handles what follows a failed event of the aggregate after it.
      if (failed.size > 0 && failed.has(aggregateOf(event))) continue;
      try {
        const { id } = context.occasion(event);
        const message = messageOfEvent(event, id, options);
        if (message === undefined) context.fail(event, new SkipEventError(LEFT_OUT));
        else messages.push(message);
      } catch (error) {
        failed.add(aggregateOf(event));
        context.fail(event, error);
      }
    }
    return messages;
  }

  private async send(wave: readonly RelayMessage[], signal: AbortSignal): Promise<readonly RelayOutcome[]> {
    const begin = performance.now();
    const outcomes = await sendWithin(this.publish, wave, this.timeoutMs, signal);
    const counts = countsOf(outcomes);
    this.metrics.count(counts);
    this.record.sent(wave, outcomes, counts, performance.now() - begin);
    return outcomes;
  }
}

/** It never throws, whatever the event has. */
function aggregateOf({ aggregateType, aggregateId }: DomainEvent<string>): string {
  return JSON.stringify([aggregateType, aggregateId]);
}

/** What the engine is told of a refusal, in the broker's words. */
function errorOf({ error, isFinal }: Waves['refused'][number]['outcome']): unknown {
  return isFinal === true && !(error instanceof NonRetryableError)
    ? new NonRetryableError(messageOf(error), { cause: error })
    : error;
}

function unavailableError({ error, retryAfterMs }: NonNullable<Waves['unavailable']>): UnavailableError {
  return error instanceof UnavailableError
    ? error
    : new UnavailableError(`The broker cannot be reached: ${messageOf(error)}`, {
        retryAfterMs,
        cause: error,
      });
}
