import type { DomainEventInput } from '../events/domain-event.js';
import {
  eventNameOf,
  SCHEDULE_AGGREGATE,
  type ScheduleCause,
  type Scheduled,
  SOURCE_MODULE,
} from './schedule.js';

interface About {
  readonly name: string;
  readonly payload: unknown;
}

/** The event of one time. Its key makes a second publication of the time change nothing. */
export function scheduledEvent(
  { name, payload }: About,
  at: number,
  cause: 'time' | 'missed',
): DomainEventInput {
  const time = new Date(at).toISOString();
  return { ...eventOf({ name, payload }, time, cause), deduplicationKey: `${name}@${time}` };
}

export function triggeredEvent(about: About, at: number): DomainEventInput {
  return eventOf(about, new Date(at).toISOString(), 'trigger');
}

function eventOf({ name, payload }: About, at: string, cause: ScheduleCause): DomainEventInput {
  return {
    eventName: eventNameOf(name),
    sourceModule: SOURCE_MODULE,
    aggregateType: SCHEDULE_AGGREGATE,
    aggregateId: name,
    payload: { schedule: name, at, cause, payload } satisfies Scheduled,
  };
}
