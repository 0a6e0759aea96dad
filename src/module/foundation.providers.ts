import { type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { AdminDatabase } from '../database/admin-database.js';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { EngineDatabase } from '../database/engine-database.js';
import { EventLimits } from '../events/event-limits.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { findNestConfig } from '../settings/nest-config.js';
import { EngineTelemetry } from '../telemetry/engine-telemetry.js';
import { untraced } from '../telemetry/spans.js';
import { DEFAULT_ENGINE } from '../words/engine-name.js';
import { BOOT_DEADLINE_MS, DEFAULT_BOOT_DEADLINE_MS } from './engine-boot.js';
import { EngineExtensions } from './engine-extensions.js';
import { ENGINE_NAME } from './engines.js';
import { RULES } from './event-rules.js';
import { broughtExtensions, settingGroupsOf } from './extension.js';
import {
  CONFIGURATION,
  GIVEN_OPTIONS,
  type HostConfiguration,
  type IntegrationOptions,
  RESOLVED_OPTIONS,
  type ResolvedOptions,
  resolveOptions,
} from './integration.options.js';

/** The providers of options, database and settings. All other providers depend on them. */
export const FOUNDATION: Provider[] = [
  ...RULES,
  {
    provide: ProcessIdentity,
    inject: [ENGINE_NAME],
    useFactory: (name: string) => new ProcessIdentity(name),
  },
  { provide: BOOT_DEADLINE_MS, useValue: DEFAULT_BOOT_DEADLINE_MS },
  {
    provide: CONFIGURATION,
    inject: [ModulesContainer],
    useFactory: async (modules: ModulesContainer): Promise<HostConfiguration> => ({
      reader: await findNestConfig(modules),
    }),
  },
  {
    provide: RESOLVED_OPTIONS,
    inject: [GIVEN_OPTIONS, CONFIGURATION, ENGINE_NAME, ModulesContainer],
    useFactory: (
      given: IntegrationOptions,
      { reader }: HostConfiguration,
      name: string,
      modules: ModulesContainer,
    ): ResolvedOptions => {
      const resolved = resolveOptions(given, reader, process.env, name);
      // Modules of the package that stand beside the engine work with the one that has no name.
      const brought = name === DEFAULT_ENGINE ? broughtExtensions(modules) : [];
      const extensions = [...new Set([...resolved.extensions, ...brought])];
      return { ...resolved, extensions };
    },
  },
  {
    provide: EngineExtensions,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ extensions }: ResolvedOptions) => new EngineExtensions(extensions),
  },
  {
    provide: EngineDatabase,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({
      name: engine,
      connectionString,
      connection,
      schema,
      poolMax: max,
      telemetry,
    }: ResolvedOptions) =>
      new EngineDatabase({
        engine,
        connectionString,
        connection,
        schema,
        max,
        around: aroundStatements(telemetry),
      }),
  },
  {
    provide: EngineTelemetry,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ name, telemetry }: ResolvedOptions) =>
      new EngineTelemetry(telemetry, name === DEFAULT_ENGINE ? undefined : name),
  },
  {
    provide: AdminDatabase,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ name: engine, connectionString, connection, schema, telemetry }: ResolvedOptions) =>
      new AdminDatabase({
        engine,
        connectionString,
        connection,
        schema,
        around: aroundStatements(telemetry),
      }),
  },
  {
    provide: EventLimits,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ maxPayloadBytes }: ResolvedOptions) => new EventLimits(maxPayloadBytes),
  },
  {
    provide: IntegrationSettingsService,
    inject: [EngineDatabase, RESOLVED_OPTIONS, CONFIGURATION, AdminDatabase],
    useFactory: (
      db: EngineDatabase,
      { name: engine, settings, extensions }: ResolvedOptions,
      { reader }: HostConfiguration,
      admin: AdminDatabase,
    ) => {
      const sources = { engine, options: settings, config: reader };
      return new IntegrationSettingsService(db, sources, settingGroupsOf(extensions), admin);
    },
  },
];

/** The statements of the engine would fill the traces of an application that traces its own. */
function aroundStatements({ spans }: ResolvedOptions['telemetry']) {
  return spans === true ? untraced : undefined;
}
