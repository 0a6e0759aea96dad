import type { InjectionToken } from '@nestjs/common';
import type { AdapterFactory, HostAdapter } from '../database/clients/host-adapter.js';
import type { TransactionalSqlClient } from '../database/clients/sql-client.js';
import type { EngineConnectionOptions } from '../database/connection/connection-options.js';
import type { HandlerLinesOption } from '../delivery/partition/attempt-lines.js';
import type { OutboxSettings } from '../settings/settings-definitions.js';
import type { TelemetryOptions } from '../telemetry/telemetry-options.js';
import type { IntegrationExtension } from './extension.js';

/** The options in force: checked, and with their defaults. */
export interface ResolvedOptions {
  /** The name of the engine. It is `default` for the one without. */
  readonly name: string;
  readonly clientToken: InjectionToken | undefined;
  readonly client: TransactionalSqlClient | HostAdapter<object> | undefined;
  readonly adapter: AdapterFactory | undefined;
  readonly ambient: (() => object | undefined) | undefined;
  readonly ambientPublishing: 'refuse' | 'join';
  /** Either this or `connection` is given. */
  readonly connectionString: string | undefined;
  readonly connection: EngineConnectionOptions | undefined;
  readonly poolMax: number | undefined;
  readonly schema: string;
  readonly migrations: 'verify' | 'run' | 'off';
  readonly role: 'all' | 'publisher' | 'worker';
  readonly settings: Partial<OutboxSettings>;
  readonly maxConcurrency: number;
  /** Undefined where the size of the pool decides. */
  readonly transactionalConcurrency: number | undefined;
  readonly shutdownTimeoutMs: number;
  readonly watchdog: 'report' | 'exit' | 'off';
  readonly maxPayloadBytes: number;
  readonly telemetry: TelemetryOptions;
  /** Undefined where no lines are kept. */
  readonly handlerLines: HandlerLinesOption | undefined;
  readonly extensions: readonly IntegrationExtension[];
  /** Hints about options that are valid but look wrong. */
  readonly hints: readonly string[];
}
