import type { EngineDatabase } from '../database/engine-database.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { MaintenanceTaskStore } from './maintenance-task.store.js';

/**
 * Something that is done every few minutes, by one of all processes. Who brings one hands it to
 * `MAINTENANCE_TASKS`, beside the engine's own.
 */
export interface MaintenanceTask {
  /** A stable kebab-case name: the table of tasks has a row for it. */
  readonly name: string;
  /**
   * One round. It does its work in `MaintenanceTaskStore.step`, which lets one process at a time do it, and
   * notes when it was done.
   */
  run(intervalMs: number, stopping: AbortSignal): Promise<unknown>;
}

/** What a task or a check that is brought along works with. */
export interface MaintenanceTools {
  readonly db: EngineDatabase;
  readonly settings: IntegrationSettingsService;
  readonly tasks: MaintenanceTaskStore;
}

/** Token of every MaintenanceTask. */
export const MAINTENANCE_TASKS = Symbol('nestjs-integration:maintenance-tasks');

/** The names of the engine's own tasks. */
export const OWN_TASKS = ['consumers', 'retention', 'unrouted'] as const;
