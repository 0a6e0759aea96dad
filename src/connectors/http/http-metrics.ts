import { ATTRIBUTES as A } from '../../telemetry/names.js';
import type { PartCounter, PartDurations, PartMeasures } from '../../telemetry/part-measures.js';

const counter = (name: string, description: string, unit: string): PartCounter => ({
  name: `nestjs_integration.connectors.${name}`,
  description,
  unit,
});

const COUNTERS = {
  requests: counter(
    'requests',
    'Requests to other systems that were answered or failed, each attempt by itself.',
    '{request}',
  ),
  retries: counter('retries', 'Requests that were sent once more.', '{request}'),
  refused: counter(
    'refused',
    'Requests that were not sent, because of a limit, or because the other system fails.',
    '{request}',
  ),
  opened: counter('breaker.opened', 'How often this process has opened a circuit breaker.', '{time}'),
};

const request: PartDurations = {
  name: 'nestjs_integration.connectors.request.duration',
  description: 'Time of a request to another system, each attempt by itself.',
};
const wait: PartDurations = {
  name: 'nestjs_integration.connectors.wait.duration',
  description: 'Time for which a request has waited until limits allowed it.',
};

/** The key of the connector, in metrics. */
const CONNECTOR = 'nestjs_integration.connector';

export const HTTP_COUNTERS: readonly PartCounter[] = Object.values(COUNTERS);
export const HTTP_DURATIONS: readonly PartDurations[] = [request, wait];

/** What OpenTelemetry hears of requests: by connector, because connections and tenants are many. */
export class HttpMetrics {
  constructor(private readonly measures: Pick<PartMeasures, 'count' | 'time'>) {}

  /** @param outcome `2xx`, or the kind of a failure */
  requested(connector: string, outcome: string, ms: number): void {
    this.measures.count(COUNTERS.requests, { [CONNECTOR]: connector, [A.outcome]: outcome });
    this.measures.time(request, { [CONNECTOR]: connector }, ms / 1_000);
  }

  repeated(connector: string): void {
    this.measures.count(COUNTERS.retries, { [CONNECTOR]: connector });
  }

  waited(connector: string, ms: number): void {
    this.measures.time(wait, { [CONNECTOR]: connector }, ms / 1_000);
  }

  refused(connector: string, reason: string): void {
    this.measures.count(COUNTERS.refused, { [CONNECTOR]: connector, [A.reason]: reason });
  }

  opened(connector: string): void {
    this.measures.count(COUNTERS.opened, { [CONNECTOR]: connector });
  }
}
