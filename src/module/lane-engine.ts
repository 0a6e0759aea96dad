import type { ModuleRef } from '@nestjs/core';
import { EngineDatabase } from '../database/engine-database.js';
import type { LaneEngine } from '../lanes/lane-runner.js';
import { LeaseService } from '../membership/leases/lease.service.js';
import { LeaseStore } from '../membership/leases/lease.store.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { WakeupStore } from '../wakeups/wakeup.store.js';
import { WakeupListener } from '../wakeups/wakeup-listener.js';
import type { EngineOfApplication } from './engine-of.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from './integration.options.js';

/** What lanes need of the engine, for a part whose work leaves the application. */
export function laneEngineOf(engine: EngineOfApplication, modules: Pick<ModuleRef, 'get'>): LaneEngine {
  const { role, shutdownTimeoutMs } = modules.get<ResolvedOptions>(RESOLVED_OPTIONS, { strict: false });
  return {
    db: engine.get(EngineDatabase),
    leases: engine.get(LeaseService),
    leaseStore: engine.get(LeaseStore),
    settings: engine.get(IntegrationSettingsService),
    wakeups: engine.get(WakeupStore),
    listener: engine.get(WakeupListener),
    role,
    shutdownTimeoutMs,
  };
}
