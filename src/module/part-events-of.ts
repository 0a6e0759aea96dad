import { EventLimits } from '../events/event-limits.js';
import { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { PartEvents } from '../outbox/part-events.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import type { EngineOfApplication } from './engine-of.js';

/** The way in which a part publishes events of its own, in an application that runs. */
export function partEventsOf(engine: EngineOfApplication): PartEvents {
  return new PartEvents(engine.get(OutboxEventStore), engine.get(EventLimits), engine.get(OutboxNotifier));
}
