import { hostname } from 'node:os';
import {
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { prepareSchema } from '../contracts/schemas/event-schema.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { IntegrationError, messageOf } from '../errors.js';
import type { DomainEvent } from '../events/domain-event.js';
import { LaneRunner } from '../lanes/lane-runner.js';
import { OutgoingTargetStore } from '../lanes/outgoing-target.store.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { loggerOf } from '../words/engine-logger.js';
import { CHANGED_MARK, TOKEN_MARK } from './connections/connection-changes.js';
import { ConnectionWorkStore, type DueOfConnection } from './connections/connection-work.store.js';
import { ConnectorsEngine } from './connectors-engine.js';
import type { FoundConnector } from './definition/connector.js';
import { hasTokenEndpoint } from './definition/connector-auth.js';
import { ConnectorDefinitionStore } from './definition/connector-definition.store.js';
import { invalidConnector } from './definition/connector-errors.js';
import { declaredConnector } from './definition/declared-connector.js';
import { loadOAuth } from './oauth/oauth-library.js';
import { CONNECTION_LANES, ConnectionWork } from './tenants/connection-work.js';
import { consumerOfWebhook, deliverWebhook, eventNamesOf } from './tenants/webhook-delivery.js';

/** Connections that get a time for their health in one step. */
const MOST_TIMES = 1_000;

/** Finds the connectors when the application boots, and hears of changes of connections. */
@Injectable()
export class ConnectorsStart implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private readonly subscriptions: Subscription[] = [];
  private runner: LaneRunner<DueOfConnection> | undefined;

  constructor(private readonly connectors: ConnectorsEngine) {}

  /** @throws IntegrationError INTEGRATION_CONNECTOR_INVALID with every problem (`details.problems`) */
  onModuleInit(): Promise<void> {
    return this.connectors.engine.boot(() => this.begin());
  }

  private async begin(): Promise<void> {
    const { connectors, registry } = this;
    const found = await connectors.explore();
    const { values, problems } = await connectors.variablesOf(found);
    const all = [...found.problems, ...problems, ...(await this.takeSources([...found.connectors.values()]))];
    if (all.length > 0) throw invalidConnector(all);
    this.checkSettings();
    void connectors.secrets;
    registry.fill(found.connectors, values);
    this.register([...found.connectors.values()]);
    for (const { config, secrets, actions, auth, syncs } of found.connectors.values()) {
      for (const schema of [config, secrets]) if (schema !== undefined) await prepareSchema(schema);
      for (const { input, output } of actions.values())
        for (const schema of [input, output]) if (schema !== undefined) await prepareSchema(schema);
      if (hasTokenEndpoint(auth)) await loadOAuth();
      for (const { model, mapping, checkpoint } of syncs.values())
        for (const schema of [model.schema, mapping?.from, checkpoint])
          if (schema !== undefined) await prepareSchema(schema);
    }
  }

  /** Gives the sources of webhooks to the part that takes webhooks in. Returns what is wrong with them. */
  private async takeSources(found: readonly FoundConnector[]): Promise<string[]> {
    const sources = found.flatMap(({ webhooks }) =>
      webhooks.map(({ source, place, subscribe }) => ({ source, place, needsUrl: subscribe !== undefined })),
    );
    const [first] = sources;
    if (first === undefined) return [];
    const { endpoints } = this.connectors;
    if (endpoints !== undefined) return endpoints.take(sources);
    return [
      `${first.place}: the application takes no webhooks in: import WebhooksModule.forRoot({ incoming: { sources: [] } }) of nestjs-integration/webhooks beside ConnectorsModule`,
    ];
  }

  /** Each webhook is a consumer of its own. */
  private register(found: readonly FoundConnector[]): void {
    const registry = this.connectors.engine.get(EventSubscriberRegistry);
    for (const connector of found)
      for (const webhook of connector.webhooks)
        registry.registerAt(webhook.place, {
          consumerName: consumerOfWebhook(connector, webhook),
          eventName: eventNamesOf(webhook),
          handler: (event: DomainEvent, { signal }: { readonly signal: AbortSignal }) =>
            deliverWebhook(connector, webhook, event, this.connectors.parts, signal),
        });
  }

  private startLanes(): void {
    const { connectors } = this;
    if (this.runner !== undefined) return;
    const runner = new LaneRunner(connectors.lanes, new ConnectionWork(connectors.partsOfWork));
    this.runner = runner;
    connectors.wakeBy((connectionId) => runner.wake([connectionId]));
    runner.start();
  }

  /**
   * Runs everything that is due for connections, and returns how many things were run. For tests. See
   * `LaneRunner.runDue`.
   */
  async runDue(options?: { readonly timeoutMs?: number | undefined }): Promise<number> {
    return (await this.runner?.runDue(options)) ?? 0;
  }

  /** Gives connections a time for their health that are in use and have none. Whether there may be more. */
  async giveHealthTimes(session: EngineSession): Promise<boolean> {
    const { database: db, settings } = this.connectors;
    const { healthIntervalMs } = settings;
    const keys = this.registry.all.flatMap(({ key, health }) => (health === undefined ? [] : [key]));
    if (healthIntervalMs === 0 || keys.length === 0) return false;
    const times = new ConnectionWorkStore(db);
    const given = await times.giveHealthTimes(session, keys, healthIntervalMs, MOST_TIMES);
    const targets = new OutgoingTargetStore(db);
    await targets.addAll(session, CONNECTION_LANES, given);
    await targets.makeReady(
      session,
      CONNECTION_LANES,
      given.map(({ id }) => id),
    );
    return given.length === MOST_TIMES;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { connectors } = this;
    const { memory, refresher, listener, notifier } = connectors;
    this.startLanes();
    this.subscriptions.push(
      listener.lanesReady$.subscribe((said) => {
        if (said.startsWith(CHANGED_MARK)) {
          const id = said.slice(CHANGED_MARK.length);
          memory.forget(id);
          refresher.forget(id);
          refresher.wake(id);
        } else if (said.startsWith(TOKEN_MARK)) refresher.wake(said.slice(TOKEN_MARK.length));
      }),
      // After a time without a connection nobody knows what was said meanwhile.
      notifier.wakeups$.subscribe(({ source, concernsInbox }) => {
        if (source !== 'listen' || concernsInbox !== true) return;
        memory.forget();
        refresher.forget();
        refresher.wake();
      }),
    );
    await this.declare();
    await connectors.syncs.start();
  }

  async onModuleDestroy(): Promise<void> {
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
    await this.runner?.stop();
    if (!this.isBegun) return;
    await this.connectors.syncs.stop();
    await this.connectors.refresher.stop();
    this.connectors.close();
  }

  private get registry() {
    return this.connectors.registry;
  }

  /** A boot that has failed has made nothing that could be stopped. */
  private get isBegun(): boolean {
    return this.registry.all.length > 0;
  }

  /** Two processes would ask a provider at once, if the answer may come after the lease. */
  private checkSettings(): void {
    const { refreshTimeoutMs, refreshLeaseMs } = this.connectors.settings;
    if (refreshTimeoutMs < refreshLeaseMs) return;
    const problem = `the setting connectors.refreshTimeoutMs (${refreshTimeoutMs}) must be below connectors.refreshLeaseMs (${refreshLeaseMs})`;
    throw new IntegrationError('INTEGRATION_OPTIONS_INVALID', `ConnectorsModule cannot start: ${problem}`, {
      problems: [problem],
    });
  }

  /** Only people who look need it, so the application boots all the same. */
  private async declare(): Promise<void> {
    const { database } = this.connectors;
    try {
      const declared = await Promise.all(this.registry.all.map(declaredConnector));
      await new ConnectorDefinitionStore(database).save(declared, hostname().slice(0, 255));
    } catch (error) {
      const words = 'What the code says of connectors could not be stored';
      loggerOf('Connectors', database).warnOfFailure(`${words}: ${messageOf(error)}`, words);
    }
  }
}
