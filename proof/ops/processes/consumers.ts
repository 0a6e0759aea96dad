import { setTimeout as sleep } from 'node:timers/promises';
import type { DomainEvent, EventSubscriberRegistry, SubscriberContext } from 'nestjs-integration';
import { tell } from '../../processes/child.js';
import { recordEffects } from '../../processes/host.store.js';
import type { ApplicationConsumer, DrainedResult, ToDo } from './application-protocol.js';
import { failAs } from './failures.js';

/** Counts what the handlers of this process have done. */
export class HandledCount {
  private count = 0;
  private readonly waiting: { readonly events: number; reached(): void }[] = [];

  add(): void {
    this.count++;
    const first = this.waiting[0];
    if (first === undefined || this.count < first.events) return;
    this.waiting.shift();
    first.reached();
  }

  /** From the end of the `uncounted` first ones to the end of the last. */
  async drained(events: number, uncounted: number): Promise<DrainedResult> {
    const [began, ended] = await Promise.all([this.reached(uncounted), this.reached(events)]);
    const counted = events - uncounted;
    return {
      eventsASecond: (counted * 1e3) / (ended.at - began.at),
      processorUs: (ended.processorUs - began.processorUs) / counted,
    };
  }

  private reached(events: number): Promise<Moment> {
    return new Promise((resolve) => {
      if (this.count >= events) resolve(now());
      else this.waiting.push({ events, reached: () => resolve(now()) });
    });
  }
}

interface Moment {
  readonly at: number;
  readonly processorUs: number;
}

function now(): Moment {
  const { user, system } = process.cpuUsage();
  return { at: performance.now(), processorUs: user + system };
}

export function subscribe(
  registry: EventSubscriberRegistry,
  consumer: ApplicationConsumer,
  handled: HandledCount,
): void {
  const { name, eventNames, kind, takesMs, concurrency, timeoutMs, maxAttempts } = consumer;
  const options = {
    consumerName: name,
    eventName: [...eventNames],
    startFrom: 'earliest' as const,
    concurrency,
    timeoutMs,
    ...(maxAttempts === undefined ? {} : { retry: { maxAttempts, baseDelayMs: 100 } }),
  };
  if (kind === 'counts') {
    registry.registerHandler({
      ...options,
      handler: async () => {
        if (takesMs !== undefined) await sleep(takesMs);
        handled.add();
      },
    });
    return;
  }
  registry.registerHandler({
    ...options,
    transactional: true,
    handler: async (event, context) => {
      await obey(name, event, context);
      await recordEffects(context.transaction, name, [event.outboxEventId]);
    },
  });
}

async function obey(consumer: string, event: DomainEvent, context: SubscriberContext): Promise<void> {
  const { holdMs, failures = 0, failsAs = 'error' } = event.payload as ToDo;
  if (holdMs !== undefined) {
    tell({ kind: 'holding', consumer, eventId: event.outboxEventId });
    await sleep(holdMs);
  }
  if (context.attempt <= failures) await failAs(failsAs, event, context);
}
