import { Injectable } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { AdminDatabase } from '../database/admin-database.js';
import { EngineDatabase } from '../database/engine-database.js';
import { EventGate } from '../events/event-gate.js';
import type { LaneEngine } from '../lanes/lane-runner.js';
import { type EngineOfApplication, engineOf } from '../module/engine-of.js';
import { laneEngineOf } from '../module/lane-engine.js';
import { partEventsOf } from '../module/part-events-of.js';
import type { PartEvents } from '../outbox/part-events.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { PartMeasures } from '../telemetry/part-measures.js';
import { loadTimes } from '../timing/croner.js';
import type { Times } from '../timing/timing.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { ScheduleStore } from './schedule.store.js';
import { ScheduleChanges } from './schedule-changes.js';
import { exploreSchedules, type FoundSchedules } from './schedule-explorer.js';
import { ScheduleMetrics } from './schedule-metrics.js';
import { scheduleSettings } from './schedule-settings.js';
import type { TickerParts } from './ticker.js';

/** What schedules use of the engine. */
@Injectable()
export class SchedulesEngine {
  readonly engine: EngineOfApplication;
  private loaded: Promise<Times> | undefined;

  constructor(
    private readonly modules: ModuleRef,
    private readonly discovery: DiscoveryService,
  ) {
    this.engine = engineOf(modules, 'SchedulesModule');
  }

  /** @throws IntegrationError INTEGRATION_PEER_MISSING if croner is not installed */
  times(): Promise<Times> {
    this.loaded ??= loadTimes('nestjs-integration/schedules');
    return this.loaded;
  }

  async explore(): Promise<FoundSchedules> {
    return exploreSchedules(this.discovery, this.modules, await this.times());
  }

  get database(): EngineDatabase {
    return this.engine.get(EngineDatabase);
  }

  get admin(): AdminDatabase {
    return this.engine.get(AdminDatabase);
  }

  get lanes(): LaneEngine {
    return laneEngineOf(this.engine, this.modules);
  }

  get notifier(): OutboxNotifier {
    return this.engine.get(OutboxNotifier);
  }

  /** For changes by people, and by code of the application. */
  get changes(): ScheduleChanges {
    return this.changesOn(this.admin);
  }

  /** For what the code of this process says at its boot. */
  get changesOfBoot(): ScheduleChanges {
    return this.changesOn(this.database);
  }

  private changesOn(db: EngineDatabase): ScheduleChanges {
    return new ScheduleChanges(db, this.events, this.engine.get(EventGate));
  }

  private get events(): PartEvents {
    return partEventsOf(this.engine);
  }

  tickerParts(times: Times, logger: TickerParts['logger']): TickerParts {
    const { engine, database: db, lanes } = this;
    const settings = engine.get(IntegrationSettingsService);
    return {
      db,
      store: new ScheduleStore(db),
      events: this.events,
      gate: engine.get(EventGate),
      times,
      metrics: new ScheduleMetrics(engine.get(PartMeasures)),
      logger,
      settings: () => {
        const { enabled, graceMs } = settings.snapshotOf(scheduleSettings);
        return { isOn: enabled && settings.snapshot().enabled, graceMs };
      },
      isListening: () => lanes.listener.isListening,
    };
  }
}
