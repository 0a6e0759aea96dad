import { ATTRIBUTES as A } from '../../../telemetry/names.js';
import type { PartCounter, PartDurations, PartMeasures } from '../../../telemetry/part-measures.js';
import type { SavedAttempt } from './sending.store.js';
import type { Sent } from './signed-requests.js';

const attempts: PartCounter = {
  name: 'nestjs_integration.webhooks.attempts',
  description: 'Attempts to send to destinations of webhooks, once they are saved.',
  unit: '{attempt}',
};

const deliveries: PartCounter = {
  name: 'nestjs_integration.webhooks.deliveries',
  description: 'Deliveries to destinations of webhooks that have ended.',
  unit: '{delivery}',
};

const duration: PartDurations = {
  name: 'nestjs_integration.webhooks.attempt.duration',
  description: 'Time of an attempt to send to a destination of webhooks.',
};

export const SENDING_COUNTERS: readonly PartCounter[] = [attempts, deliveries];
export const SENDING_DURATIONS: readonly PartDurations[] = [duration];

const OF_STATUSES = { delivered: 'delivered', dead: 'dead_letter' } as const;

/**
 * What OpenTelemetry hears of sending. There are thousands of destinations, so no attribute tells them or
 * their tenants apart.
 */
export class SendingMetrics {
  constructor(private readonly measures: PartMeasures) {}

  /** An attempt has ended. It is not saved yet. */
  attempted({ ended, durationMs }: Sent): void {
    this.measures.time(duration, { [A.outcome]: ended }, durationMs / 1_000);
  }

  /** What an attempt came to is saved. */
  saved({ ended }: Sent, status: SavedAttempt['status']): void {
    this.measures.count(attempts, { [A.outcome]: ended });
    if (status !== 'pending') this.measures.count(deliveries, { [A.outcome]: OF_STATUSES[status] });
  }
}
