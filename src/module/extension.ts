import type { ModulesContainer } from '@nestjs/core';
import { INBOX_KINDS } from '../changes/operations/inbox-kinds.js';
import type { AnyKindOfOperation } from '../changes/operations/operation-kind.js';
import { OperationKinds } from '../changes/operations/operation-kinds.js';
import type { MigrationLine } from '../database/migrations/migration-files.js';
import type { DoctorAdditions } from '../maintenance/doctor.js';
import type { Check } from '../maintenance/finding.js';
import type {
  ApplicationServices,
  MaintenanceTask,
  MaintenanceTools,
} from '../maintenance/maintenance-task.js';
import type { ExtensionRights } from '../maintenance/privileges.js';
import type { SettingGroup } from '../settings/setting-group.js';
import type { PartGauge } from '../telemetry/part-gauges.js';
import { type PartCounter, type PartDurations, PartMeasures } from '../telemetry/part-measures.js';

/**
 * What a part of this package brings. The rooms that use it know no part: the module passes on to each room
 * what is for it. Rooms that stand above the module, which are the admin API and the commands, add their own
 * property where they take it: `admin` in `admin/routes/admin-sections.ts`, `commands` in `cli/commands.ts`.
 */
export interface IntegrationExtension {
  /** Lower-case letters, digits and underscores. Each extension has a name of its own. */
  readonly name: string;
  /**
   * Returns the folder of its migrations. It is called when the migrations are read. They are applied after
   * the engine's.
   */
  readonly migrations?: (() => string) | undefined;
  /** Its settings. The group has the extension's name. */
  readonly settings?: SettingGroup | undefined;
  /** Tasks that one of all processes does every few minutes. */
  readonly tasks?: ((tools: MaintenanceTools) => readonly MaintenanceTask[]) | undefined;
  /** The rights on its tables that the roles of the application need. It is asked at the boot. */
  readonly rights?: ((application: ApplicationServices) => readonly ExtensionRights[]) | undefined;
  /** Its kinds of operations, which `OperationService` plans and runs. */
  readonly operations?: readonly AnyKindOfOperation[] | undefined;
  /** Its gauges for OpenTelemetry, whose values come from the database. */
  readonly gauges?: ((tools: MaintenanceTools) => readonly PartGauge[]) | undefined;
  /** What it counts in each process, for OpenTelemetry. The engine's `PartMeasures` takes it. */
  readonly counters?: readonly PartCounter[] | undefined;
  /** What it times in each process. The engine's `PartMeasures` takes it. */
  readonly durations?: readonly PartDurations[] | undefined;
  /** Further checks of the command `doctor`. */
  readonly checks?: ((tools: MaintenanceTools) => readonly Check[]) | undefined;
}

export type Extensions = readonly IntegrationExtension[];

/**
 * A class of a module of this package that has an extension holds it under this static property. An
 * application that imports the module need not name the extension in its options.
 */
export const BROUGHT_EXTENSION = Symbol('nestjs-integration:brought-extension');

/** The extensions of the modules that the application imports. */
export function broughtExtensions(modules: ModulesContainer): IntegrationExtension[] {
  const brought = [...modules.values()].flatMap(({ metatype }) => {
    const { [BROUGHT_EXTENSION]: extension } = metatype as { [BROUGHT_EXTENSION]?: IntegrationExtension };
    return extension ?? [];
  });
  return [...new Set(brought)];
}

export function linesOf(extensions: Extensions): MigrationLine[] {
  return extensions.flatMap(({ name, migrations: folder }) =>
    folder === undefined ? [] : [{ name, folder }],
  );
}

export function settingGroupsOf(extensions: Extensions): SettingGroup[] {
  return extensions.flatMap(({ settings }) => settings ?? []);
}

export function tasksOf(extensions: Extensions, tools: MaintenanceTools): MaintenanceTask[] {
  return extensions.flatMap(({ tasks }) => tasks?.(tools) ?? []);
}

export function gaugesOf(extensions: Extensions, tools: MaintenanceTools): PartGauge[] {
  return extensions.flatMap(({ gauges }) => gauges?.(tools) ?? []);
}

/** What the extensions count and time, for as long as the process lives. */
export function measuresOf(extensions: Extensions): PartMeasures {
  return new PartMeasures(
    extensions.flatMap(({ counters }) => counters ?? []),
    extensions.flatMap(({ durations }) => durations ?? []),
  );
}

/** The kinds of operations of the engine, and those of the extensions. */
export function operationKindsOf(extensions: Extensions): OperationKinds {
  return new OperationKinds([...INBOX_KINDS, ...extensions.flatMap(({ operations }) => operations ?? [])]);
}

export function rightsOf(extensions: Extensions, application: ApplicationServices): ExtensionRights[] {
  return extensions.flatMap(({ rights }) => rights?.(application) ?? []);
}

/** What a `doctor` examination checks in addition for these extensions. */
export function doctorAdditionsOf(extensions: Extensions): DoctorAdditions {
  return {
    lines: linesOf(extensions),
    groups: settingGroupsOf(extensions),
    tasks: (tools) => tasksOf(extensions, tools),
    checks: (tools) => extensions.flatMap(({ checks }) => checks?.(tools) ?? []),
  };
}

const NAME = /^[a-z][a-z0-9_]*$/;

/** The name of the engine's own group of settings. */
const TAKEN = 'outbox';

/** What is wrong with the given extensions, one sentence each. */
export function problemsOfExtensions(value: unknown): string[] {
  if (!Array.isArray(value)) return ['extensions must be a list'];
  const names = value.map((each: unknown) => (each as { name?: unknown } | null)?.name);
  return names.flatMap((name, i) => {
    if (typeof name !== 'string' || !NAME.test(name) || name === TAKEN)
      return [`extensions[${i}] has no name of its own, of lower-case letters, digits and underscores`];
    if (names.indexOf(name) < i) return [`extensions has "${name}" twice`];
    const { settings } = value[i] as IntegrationExtension;
    return settings !== undefined && settings.name !== name
      ? [`the settings of extension "${name}" are a group of another name: "${settings.name}"`]
      : [];
  });
}
