import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { HostClient } from '../database/clients/host-client.js';
import { EngineDatabase } from '../database/engine-database.js';
import { checkNetworkRules } from '../http/network-rules.js';
import { OutgoingHttp } from '../http/outgoing-http.js';
import type { LaneEngine } from '../lanes/lane-runner.js';
import { type EngineOfApplication, engineOf } from '../module/engine-of.js';
import { laneEngineOf } from '../module/lane-engine.js';
import { partEventsOf } from '../module/part-events-of.js';
import type { PartEvents } from '../outbox/part-events.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { PartMeasures } from '../telemetry/part-measures.js';
import { CallStore } from './call.store.js';
import { unknownType } from './call-errors.js';
import { exploreCallTypes, type FoundTypes } from './call-explorer.js';
import { CallMetrics } from './call-metrics.js';
import { type CallSettings, callSettings } from './call-settings.js';
import type { CallType } from './call-type.js';
import { CallWorkStore } from './call-work.store.js';
import { CALLS_OPTIONS, type CallsModuleOptions } from './calls-options.js';
import { callTypeOf } from './external-call-type.decorator.js';

/** What calls use of the engine, and the types of the application. */
@Injectable()
export class CallsEngine {
  readonly engine: EngineOfApplication;
  private found: FoundTypes | undefined;
  private wayOut: OutgoingHttp | undefined;

  constructor(
    private readonly modules: ModuleRef,
    private readonly discovery: DiscoveryService,
    @Inject(CALLS_OPTIONS) private readonly options: CallsModuleOptions,
  ) {
    this.engine = engineOf(modules, 'CallsModule');
  }

  get types(): FoundTypes {
    this.found ??= exploreCallTypes(this.discovery);
    return this.found;
  }

  /**
   * The type that somebody names by its class or its name.
   *
   * @throws IntegrationError INTEGRATION_CALL_TYPE_UNKNOWN if this process does not have it
   */
  typeOf(which: unknown): CallType {
    const name = typeof which === 'string' ? which : callTypeOf(which)?.type;
    const { types } = this.types;
    const found = name === undefined ? undefined : types.get(name);
    if (found !== undefined) return found;
    const said = name ?? (typeof which === 'function' ? which.name : typeof which);
    throw unknownType(said, [...types.keys()].sort());
  }

  get database(): EngineDatabase {
    return this.engine.get(EngineDatabase);
  }

  get host(): HostClient {
    return this.engine.get(HostClient);
  }

  get store(): CallStore {
    return new CallStore(this.database);
  }

  get look(): CallWorkStore {
    return new CallWorkStore(this.database);
  }

  get events(): PartEvents {
    return partEventsOf(this.engine);
  }

  get metrics(): CallMetrics {
    return new CallMetrics(this.engine.get(PartMeasures));
  }

  get settings(): Readonly<CallSettings> {
    return this.engine.get(IntegrationSettingsService).snapshotOf(callSettings);
  }

  /** The way out of this process, for all types. */
  get http(): OutgoingHttp {
    this.wayOut ??= new OutgoingHttp(checkNetworkRules(this.options.network));
    return this.wayOut;
  }

  /** Ends all requests. What is sent later fails. */
  closeHttp(): void {
    this.wayOut?.close();
  }

  get lanes(): LaneEngine {
    return laneEngineOf(this.engine, this.modules);
  }
}
