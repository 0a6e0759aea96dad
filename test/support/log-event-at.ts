import { LogEvent } from '../../src/log/log-event.js';

/** An event of a simulated log, of which only what is given matters. */
export function logEventAt(
  position: number,
  aggregateId: string,
  delayMs?: number,
  payload = '{}',
  eventName = 'thing.changed',
): LogEvent {
  return new LogEvent({
    position,
    id: `event ${position}`,
    eventName,
    eventVersion: 1,
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId,
    payload,
    metadata: '{}',
    createdAt: Date.UTC(2026, 0, 1),
    bytes: payload.length,
    delayMs,
  });
}
