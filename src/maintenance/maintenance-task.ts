import type { ModuleRef } from '@nestjs/core';
import type { EngineDatabase } from '../database/engine-database.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { MaintenanceTaskStore } from './maintenance-task.store.js';

/**
 * Work that one of all processes does every few minutes. A part of the package that has a task adds it to the
 * engine's own in `MAINTENANCE_TASKS`.
 */
export interface MaintenanceTask {
  /** A stable name in kebab case. The table of tasks has a row for it. */
  readonly name: string;
  /**
   * Runs one round. It works in `MaintenanceTaskStore.step`, which lets one process at a time do it and
   * records when it was done.
   */
  run(intervalMs: number, stopping: AbortSignal): Promise<unknown>;
}

/** Where services and options of the application are found. */
export type ApplicationServices = Pick<ModuleRef, 'get'>;

/** What the tasks and checks of an extension work with. */
export interface MaintenanceTools {
  readonly db: EngineDatabase;
  readonly settings: IntegrationSettingsService;
  readonly tasks: MaintenanceTaskStore;
  /** Undefined for a check, because the command line has no application. Tasks run in one. */
  readonly application?: ApplicationServices | undefined;
}

/** Token of all maintenance tasks. */
export const MAINTENANCE_TASKS = Symbol('nestjs-integration:maintenance-tasks');

/** The names of the engine's own tasks. */
export const OWN_TASKS = [
  'consumers',
  'retention',
  'unrouted',
  'operating-records',
  'hourly-counts',
] as const;
