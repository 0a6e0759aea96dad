import type { LongAttempt, SelfReport } from '../membership/beat/self-report.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { ConsumerWorker } from './worker/consumer-worker.js';

const OLDER_THAN_MS = 2_000;
const MOST_ATTEMPTS = 100;
const MOST_OTHERS = 100;

/** What this process says of itself: the values of its settings, and what has run for long. */
export function selfReportOf(
  settings: Pick<IntegrationSettingsService, 'getAll'>,
  workers: readonly ConsumerWorker[],
): SelfReport {
  const working = workers.flatMap(attemptsOf).sort((a, b) => b.ms - a.ms);
  return {
    settings: Object.fromEntries(settings.getAll().map(({ key, value }) => [key, value])),
    working: working.slice(0, MOST_ATTEMPTS),
  };
}

function attemptsOf({ lease, workload, consumer }: ConsumerWorker): LongAttempt[] {
  return workload.runningLongerThan(OLDER_THAN_MS).map(({ attempt, ms }) => ({
    ...lease.key,
    position: attempt.delivery.position,
    eventName: attempt.delivery.log.eventName,
    events: attempt.others.length + 1,
    others: attempt.others.slice(0, MOST_OTHERS).map(({ position }) => position),
    holdsUp: consumer.ordered,
    attempt: attempt.delivery.attempt,
    ms,
  }));
}
