import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, ModuleRef, ModulesContainer } from '@nestjs/core';
import { authorOf } from '../audit/change-author.js';
import { AdminDatabase } from '../database/admin-database.js';
import { EngineDatabase } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';
import { EventLimits } from '../events/event-limits.js';
import { Gate } from '../gate/gate.js';
import { GateStore } from '../gate/gate.store.js';
import { checkNetworkRules } from '../http/network-rules.js';
import { OutgoingHttp } from '../http/outgoing-http.js';
import type { LaneEngine } from '../lanes/lane-runner.js';
import { CONNECTION_ENDPOINTS, type ConnectionEndpoints } from '../module/connection-endpoints.js';
import { type EngineOfApplication, engineOf } from '../module/engine-of.js';
import { IntegrationDeveloperApiService } from '../module/integration-developer-api.service.js';
import { laneEngineOf } from '../module/lane-engine.js';
import { partEventsOf } from '../module/part-events-of.js';
import { SecretService } from '../secrets/secret.service.js';
import { SecretParts } from '../secrets/secret-parts.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { findNestConfig } from '../settings/nest-config.js';
import { PartMeasures } from '../telemetry/part-measures.js';
import { loadTimes } from '../timing/croner.js';
import type { Times } from '../timing/timing.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { WakeupStore } from '../wakeups/wakeup.store.js';
import { WakeupListener } from '../wakeups/wakeup-listener.js';
import { loggerOf } from '../words/engine-logger.js';
import { type ChangeParts, TOKEN_MARK } from './connections/connection-changes.js';
import { ConnectorMetrics } from './connector-metrics.js';
import { type ConnectorSettings, connectorSettings } from './connector-settings.js';
import { CONNECTORS_OPTIONS, type ConnectorsModuleOptions } from './connectors-options.js';
import type { CredentialParts } from './credentials/connection-identity.js';
import { ConnectionMemory } from './credentials/connection-memory.js';
import { Refresher } from './credentials/refresher.js';
import { exploreConnectors, type FoundConnectors } from './definition/connector-explorer.js';
import { ConnectorRegistry } from './definition/connector-registry.js';
import { type FoundVariables, readVariables } from './definition/environment.js';
import { HttpClients } from './http/http-clients.js';
import { HttpMetrics } from './http/http-metrics.js';
import { WaysOut } from './http/ways-out.js';
import { TokenEndpoint } from './oauth/token-endpoint.js';
import { SyncMetrics } from './syncs/sync-metrics.js';
import { syncSettings } from './syncs/sync-settings.js';
import { SyncsEngine } from './syncs/syncs-engine.js';
import { ConnectionUse } from './tenants/connection-use.js';
import type { TenantParts } from './tenants/tenant-parts.js';

const NO_SECRETS =
  'ConnectorsModule keeps the credentials of connections sealed in the database: import SecretsModule.forRoot(…) of nestjs-integration/secrets beside it';

/** What connectors use of the engine and of secrets. It makes each piece once. */
@Injectable()
export class ConnectorsEngine {
  readonly engine: EngineOfApplication;
  private made: ReturnType<ConnectorsEngine['make']> | undefined;
  private partsOfTenants: TenantParts | undefined;
  private loadedTimes: Promise<Times> | undefined;
  private madeSyncs: SyncsEngine | undefined;
  private waking: (connectionId: string) => void = () => {};

  constructor(
    private readonly modules: ModuleRef,
    private readonly discovery: DiscoveryService,
    readonly registry: ConnectorRegistry,
    @Inject(CONNECTORS_OPTIONS) private readonly options: ConnectorsModuleOptions,
  ) {
    this.engine = engineOf(modules, 'ConnectorsModule');
  }

  explore(): Promise<FoundConnectors> {
    return exploreConnectors(this.discovery, () => this.times());
  }

  /** For syncs with a pattern. */
  times(): Promise<Times> {
    this.loadedTimes ??= loadTimes('a schedule with cron of nestjs-integration/connectors');
    return this.loadedTimes;
  }

  async variablesOf({ connectors }: FoundConnectors): Promise<FoundVariables> {
    const config = await findNestConfig(this.modules.get(ModulesContainer, { strict: false }));
    return readVariables(connectors.values(), config, process.env);
  }

  get database(): EngineDatabase {
    return this.engine.get(EngineDatabase);
  }

  get settings(): Readonly<ConnectorSettings> {
    return this.engine.get(IntegrationSettingsService).snapshotOf(connectorSettings);
  }

  get listener(): WakeupListener {
    return this.engine.get(WakeupListener);
  }

  get notifier(): OutboxNotifier {
    return this.engine.get(OutboxNotifier);
  }

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID if the application has no SecretsModule */
  get secrets(): SecretParts {
    return this.ofSecrets(SecretParts);
  }

  get memory(): ConnectionMemory {
    return this.pieces.memory;
  }

  get refresher(): Refresher {
    return this.pieces.refresher;
  }

  /** What lanes need of the engine. */
  get lanes(): LaneEngine {
    return laneEngineOf(this.engine, this.modules);
  }

  /** The endpoints of connections. Undefined in an application that takes no webhooks in. */
  get endpoints(): ConnectionEndpoints | undefined {
    try {
      return this.modules.get<ConnectionEndpoints>(CONNECTION_ENDPOINTS, { strict: false });
    } catch {
      return undefined;
    }
  }

  /** The same for work that no person waits for. It takes no connection of admins. */
  get partsOfWork(): TenantParts {
    return { ...this.parts, ...this.changes(this.database) };
  }

  /** From now on, who changes a connection tells these lanes. */
  wakeBy(wake: (connectionId: string) => void): void {
    this.waking = wake;
  }

  /** For the services of tenants. */
  get parts(): TenantParts {
    this.partsOfTenants ??= this.makeParts();
    return this.partsOfTenants;
  }

  /** The engine of syncs. */
  get syncs(): SyncsEngine {
    this.madeSyncs ??= new SyncsEngine({
      db: this.database,
      admin: this.engine.get(AdminDatabase),
      events: partEventsOf(this.engine),
      maxPayloadBytes: this.engine.get(EventLimits).maxPayloadBytes,
      lanes: this.lanes,
      registry: this.registry,
      settings: () => this.engine.get(IntegrationSettingsService).snapshotOf(syncSettings),
      metrics: new SyncMetrics(this.engine.get(PartMeasures)),
      logger: loggerOf('Syncs', this.database),
      parts: () => this.parts,
      times: () => this.times(),
    });
    return this.madeSyncs;
  }

  private makeParts(): TenantParts {
    const { memory, refresher, endpoint, credentials, clients, use, network } = this.pieces;
    const { redirectUrls = [] } = this.options;
    return {
      ...this.changes(this.engine.get(AdminDatabase)),
      api: this.engine.get(IntegrationDeveloperApiService),
      secretService: this.ofSecrets(SecretService),
      registry: this.registry,
      memory,
      refresher,
      endpoint,
      credentials,
      clients,
      use,
      redirectUrls,
      network,
      syncs: this.syncs,
      settings: () => this.settings,
      endpoints: () => this.endpoints,
      wake: (connectionId) => this.waking(connectionId),
      gates: new GateStore(this.database),
      logger: loggerOf('Connectors', this.database),
    };
  }

  /** Ends all requests. What is sent later fails. */
  close(): void {
    this.made?.http.close();
    this.made?.ways.close();
  }

  private get pieces() {
    this.made ??= this.make();
    return this.made;
  }

  private make() {
    const { database: db, registry, listener } = this;
    const network = this.options.network ?? {};
    const rules = checkNetworkRules(network);
    const http = new OutgoingHttp(rules);
    const endpoint = new TokenEndpoint(http, network.http === true);
    const memory = new ConnectionMemory(
      db,
      registry,
      () => this.secrets,
      () => listener.isListening,
    );
    const measures = this.engine.get(PartMeasures);
    const metrics = new ConnectorMetrics(measures);
    const logger = loggerOf('Connectors', db);
    const wakeups = this.engine.get(WakeupStore);
    const refresher = new Refresher({
      ...this.changes(db),
      settings: () => this.settings,
      logger,
      author: authorOf({}),
      tell: (id) => wakeups.tellLanes(TOKEN_MARK + id),
      refreshed: (connector, outcome) => metrics.refreshed(connector, outcome),
    });
    const credentials: CredentialParts = {
      memory,
      refresher,
      endpoint,
      network,
      variables: () => registry.variables,
    };
    const use = new ConnectionUse(db);
    const ways = new WaysOut();
    const clients = new HttpClients({
      gate: new Gate({
        store: new GateStore(db),
        settings: () => this.settings,
        onFailure: (words) => logger.warnOfFailure(words, words),
      }),
      ways,
      metrics: new HttpMetrics(measures),
      settings: () => this.settings,
    });
    return { http, endpoint, memory, refresher, credentials, clients, ways, use, network: rules };
  }

  private changes(db: EngineDatabase): ChangeParts {
    return { db, secrets: this.secrets, events: partEventsOf(this.engine) };
  }

  private ofSecrets<T>(service: new (...given: never[]) => T): T {
    try {
      return this.modules.get(service as new () => T, { strict: false });
    } catch (cause) {
      throw new IntegrationError('INTEGRATION_OPTIONS_INVALID', NO_SECRETS, {}, { cause });
    }
  }
}
