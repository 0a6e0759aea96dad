import { ATTRIBUTES as A } from '../telemetry/names.js';
import type { PartCounter, PartMeasures } from '../telemetry/part-measures.js';
import type { RefreshOutcome } from './credentials/refresher.js';

const refreshes: PartCounter = {
  name: 'nestjs_integration.connectors.refreshes',
  description: 'Requests for tokens, and what became of them.',
  unit: '{request}',
};

export const CONNECTOR_COUNTERS: readonly PartCounter[] = [refreshes];

/** What OpenTelemetry hears of connectors. Connectors are few, and tenants may be many. */
export class ConnectorMetrics {
  constructor(private readonly measures: Pick<PartMeasures, 'count'>) {}

  refreshed(connector: string, outcome: RefreshOutcome): void {
    this.measures.count(refreshes, { 'nestjs_integration.connector': connector, [A.outcome]: outcome });
  }
}
