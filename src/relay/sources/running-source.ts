import { EventGate } from '../../events/event-gate.js';
import { EventLimits } from '../../events/event-limits.js';
import { LeaseService } from '../../membership/leases/lease.service.js';
import { SwitchedHold } from '../../membership/leases/switched-hold.js';
import type { EngineOfApplication } from '../../module/engine-of.js';
import { DomainEventPublisher } from '../../outbox/domain-event-publisher.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import { PartMeasures } from '../../telemetry/part-measures.js';
import { EngineLogger } from '../../words/engine-logger.js';
import type { Receiver } from './received-event.js';
import { SOURCE_LEASES } from './source-definition.js';
import { SourceLoop } from './source-loop.js';
import type { SourceClient } from './source-message.js';
import { SourceMetrics } from './source-metrics.js';
import type { SourceRecord } from './source-record.js';
import { SourceStorage } from './source-storage.js';

/** A source that takes in messages whenever this process has its lease. */
export interface RunningSource {
  stop(): void;
}

export function runSource(
  engine: EngineOfApplication,
  receiver: Receiver,
  client: SourceClient,
  record: SourceRecord,
): RunningSource {
  const { options } = receiver;
  const leaseName = `${SOURCE_LEASES}${options.name}`;
  const storage = new SourceStorage(
    {
      publisher: engine.get(DomainEventPublisher),
      gate: engine.get(EventGate),
      limits: engine.get(EventLimits),
    },
    receiver,
  );
  const metrics = new SourceMetrics(engine.get(PartMeasures), leaseName);
  const loop = new SourceLoop(options, client, storage, metrics, record, new EngineLogger('Sources'));
  return new SwitchedHold(
    engine.get(LeaseService),
    engine.get(IntegrationSettingsService),
    leaseName,
    (lease) => loop.run(lease),
  );
}
