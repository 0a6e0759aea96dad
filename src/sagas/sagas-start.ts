import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { prepareSchema } from '../contracts/schemas/event-schema.js';
import { HostClient } from '../database/clients/host-client.js';
import { EngineDatabase } from '../database/engine-database.js';
import { EventGate } from '../events/event-gate.js';
import { EventLimits } from '../events/event-limits.js';
import { SequenceGuard } from '../log/sequence-guard.js';
import { CALL_MAKER, type CallMaker } from '../module/call-maker.js';
import { type EngineOfApplication, engineOf } from '../module/engine-of.js';
import { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { PartMeasures } from '../telemetry/part-measures.js';
import { SagaStore } from './saga.store.js';
import { SagaConsumer } from './saga-consumer.js';
import { invalidUse } from './saga-errors.js';
import { exploreSagas } from './saga-explorer.js';
import { SagaMetrics } from './saga-metrics.js';
import { SagaWriter } from './saga-writer.js';

/** Finds the sagas when the application boots, and registers a consumer for each. */
@Injectable()
export class SagasStart implements OnModuleInit {
  private readonly engine: EngineOfApplication;

  constructor(
    private readonly modules: ModuleRef,
    private readonly discovery: DiscoveryService,
  ) {
    this.engine = engineOf(modules, 'SagasModule');
  }

  /** @throws IntegrationError INTEGRATION_SAGA_INVALID with every problem (`details.problems`) */
  onModuleInit(): Promise<void> {
    return this.engine.boot(() => this.start());
  }

  private async start(): Promise<void> {
    const { sagas, problems } = exploreSagas(this.discovery, this.modules);
    if (problems.length > 0)
      throw invalidUse(`SagasModule cannot start: ${problems.join('; ')}`, { problems });
    const { engine } = this;
    const db = engine.get(EngineDatabase);
    const shared = {
      host: engine.get(HostClient),
      store: new SagaStore(db),
      publisher: engine.get(DomainEventPublisher),
      calls: this.callMaker(),
      gate: engine.get(EventGate),
      writer: new SagaWriter({
        store: engine.get(OutboxEventStore),
        limits: engine.get(EventLimits),
        sequence: engine.get(SequenceGuard),
      }),
    };
    for (const definition of sagas) {
      const { schema } = definition.state;
      if (schema !== undefined) await prepareSchema(schema);
      const metrics = new SagaMetrics(engine.get(PartMeasures), definition.name);
      new SagaConsumer({ ...shared, definition, metrics }).register(engine.get(EventSubscriberRegistry));
    }
  }

  /** Undefined where the application has no CallsModule. */
  private callMaker(): CallMaker | undefined {
    try {
      return this.modules.get<CallMaker>(CALL_MAKER, { strict: false });
    } catch {
      return undefined;
    }
  }
}
