import { Inject, Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { OperationService } from '../../changes/operations/operation.service.js';
import { OperationKinds } from '../../changes/operations/operation-kinds.js';
import { ContractRegistry } from '../../contracts/contract-registry.js';
import { AdminDatabase } from '../../database/admin-database.js';
import { EngineDatabase } from '../../database/engine-database.js';
import { IntegrationError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import { EventGate } from '../../events/event-gate.js';
import { EventLimits } from '../../events/event-limits.js';
import { type CheckedNetworkRules, checkNetworkRules } from '../../http/network-rules.js';
import { OutgoingHttp } from '../../http/outgoing-http.js';
import type { LaneEngine } from '../../lanes/lane-runner.js';
import { OutboxLogStore } from '../../log/outbox-log.store.js';
import { type EngineOfApplication, engineOf } from '../../module/engine-of.js';
import { laneEngineOf } from '../../module/lane-engine.js';
import { partEventsOf } from '../../module/part-events-of.js';
import { SecretService } from '../../secrets/secret.service.js';
import { SecretParts } from '../../secrets/secret-parts.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import { EventSubscriberRegistry } from '../../subscribers/event-subscriber-registry.js';
import { PartMeasures } from '../../telemetry/part-measures.js';
import { type WebhookSettings, webhookSettings } from '../options/webhook-settings.js';
import {
  type OutgoingWebhooksOptions,
  WEBHOOKS_OPTIONS,
  type WebhooksModuleOptions,
} from '../options/webhooks-options.js';
import { replayToDestination } from './operations/replay-to-destination.js';
import { PublicEvents } from './public/public-events.js';
import { CatchUp } from './routing/catch-up.js';
import { Router } from './routing/router.js';
import { RoutingStore } from './routing/routing.store.js';
import { EventWriter } from './sender/event-writer.js';
import { SendingMetrics } from './sender/sending-metrics.js';
import { DEFAULT_SOURCE } from './sending/webhook-body.js';

/** The consumer that routes events to destinations. */
export const ROUTER = 'integration.webhooks';
/** Events of one call of the router. */
const BATCH = 500;

const NO_SECRETS =
  'The option outgoing of WebhooksModule keeps secrets of destinations sealed in the database: import SecretsModule.forRoot(…) of nestjs-integration/secrets beside WebhooksModule';
const NOT_ON =
  'WebhooksModule sends nothing, because it has no option outgoing: WebhooksModule.forRoot({ outgoing: {} })';

/** What outgoing webhooks use of the engine, of contracts and of secrets. */
@Injectable()
export class OutgoingEngine implements OnModuleInit {
  private readonly engine: EngineOfApplication;
  private readonly options: OutgoingWebhooksOptions | undefined;
  private known: PublicEvents | undefined;
  private checkedRules: CheckedNetworkRules | undefined;
  private store: RoutingStore | undefined;
  private wayOut: OutgoingHttp | undefined;
  private readonly routed: (() => void)[] = [];

  constructor(
    private readonly moduleRef: ModuleRef,
    @Inject(WEBHOOKS_OPTIONS) { outgoing }: WebhooksModuleOptions,
  ) {
    this.engine = engineOf(moduleRef, 'WebhooksModule');
    this.options = outgoing;
  }

  /** Registers the router, and fails the boot for what would fail with the first event. */
  onModuleInit(): Promise<void> {
    return this.engine.boot(() => this.start());
  }

  private start(): void {
    if (!this.isOn) return;
    void this.network;
    void this.events;
    void this.secrets;
    const router = new Router({
      ...this.rules,
      db: this.database,
      store: this.routing,
      mostDestinations: () => this.settings['outgoing.maxDestinationsPerTenant'],
    });
    this.engine.get(OperationKinds).add(replayToDestination({ ...this.windowParts, store: this.routing }));
    this.engine.get(EventSubscriberRegistry).registerAt('WebhooksModule', {
      consumerName: ROUTER,
      eventName: '*',
      payload: 'text',
      batch: { maxSize: BATCH },
      handler: async (events: DomainEvent<string>[]) => {
        await router.route(events);
        for (const told of this.routed) told();
      },
    });
  }

  /** `told` is called when the router has written deliveries. */
  onRouted(told: () => void): void {
    this.routed.push(told);
  }

  get lanes(): LaneEngine {
    return laneEngineOf(this.engine, this.moduleRef);
  }

  /** How the sender tells of its work: events about destinations, and metrics. */
  get told(): { readonly events: EventWriter; readonly metrics: SendingMetrics } {
    const { engine } = this;
    return {
      events: new EventWriter(partEventsOf(engine)),
      metrics: new SendingMetrics(engine.get(PartMeasures)),
    };
  }

  get limits(): EventLimits {
    return this.engine.get(EventLimits);
  }

  get isOn(): boolean {
    return this.options !== undefined;
  }

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID without the option `outgoing` */
  requireOn(): void {
    if (!this.isOn) throw new IntegrationError('INTEGRATION_OPTIONS_INVALID', NOT_ON);
  }

  get database(): EngineDatabase {
    return this.engine.get(EngineDatabase);
  }

  get admin(): AdminDatabase {
    return this.engine.get(AdminDatabase);
  }

  get settings(): Readonly<WebhookSettings> {
    return this.engine.get(IntegrationSettingsService).snapshotOf(webhookSettings);
  }

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID if the application has no SecretsModule */
  get secrets(): SecretParts {
    return this.findSecrets(SecretParts);
  }

  get secretService(): SecretService {
    return this.findSecrets(SecretService);
  }

  get network(): CheckedNetworkRules {
    this.checkedRules ??= checkNetworkRules(this.options?.network);
    return this.checkedRules;
  }

  /** The way out of this process, whoever sends. */
  get http(): OutgoingHttp {
    this.wayOut ??= new OutgoingHttp(this.network);
    return this.wayOut;
  }

  /** The `source` of destinations with the format `cloudevents`. */
  get cloudEventsSource(): string {
    return this.options?.cloudEventsSource ?? DEFAULT_SOURCE;
  }

  /** Ends all requests. What is sent later fails. */
  closeHttp(): void {
    if (this.isOn) this.http.close();
  }

  /** The public events of this process. Contracts are all there when the modules are made. */
  get events(): PublicEvents {
    this.known ??= new PublicEvents(newestOf(this.contracts));
    return this.known;
  }

  get routing(): RoutingStore {
    this.store ??= new RoutingStore(this.database);
    return this.store;
  }

  /** Catches up with what destinations have missed. */
  get catchUp(): CatchUp {
    return new CatchUp({ ...this.windowParts, db: this.database, store: this.routing });
  }

  get operations(): OperationService {
    return this.engine.get(OperationService);
  }

  private get windowParts() {
    return { ...this.rules, log: new OutboxLogStore(this.database), gate: this.engine.get(EventGate) };
  }

  private get rules() {
    return {
      events: () => this.events,
      tenantOf: this.options?.tenantOf,
      limits: { maxPayloadBytes: this.limits.maxPayloadBytes },
    };
  }

  private get contracts(): ContractRegistry | undefined {
    try {
      return this.moduleRef.get(ContractRegistry, { strict: false });
    } catch {
      return undefined;
    }
  }

  private findSecrets<T>(service: Type<T>): T {
    try {
      return this.moduleRef.get(service, { strict: false });
    } catch (cause) {
      throw new IntegrationError('INTEGRATION_OPTIONS_INVALID', NO_SECRETS, {}, { cause });
    }
  }
}

function newestOf(registry: ContractRegistry | undefined) {
  const names = new Set(registry?.all().map(({ name }) => name));
  return [...names].flatMap((name) => registry?.newest(name) ?? []);
}
