import {
  type DynamicModule,
  Inject,
  Injectable,
  type InjectionToken,
  Logger,
  Module,
  type ModuleMetadata,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
  Scope,
} from '@nestjs/common';
import { DiscoveryModule, ModuleRef, ModulesContainer } from '@nestjs/core';
import { ConsumerService } from '../consumers/consumer.service.js';
import { ConsumerChores } from '../consumers/consumer-chores.js';
import { ConsumerRegistration } from '../consumers/consumer-registration.js';
import { HandOver } from '../consumers/hand-over.js';
import { RepartitionStore } from '../consumers/repartition.store.js';
import { ReplayStore } from '../consumers/replay.store.js';
import { ReplayRequestStore } from '../consumers/replay-request.store.js';
import { refuseChangingClient } from '../database/clients/client-look.js';
import { missingClient } from '../database/clients/client-missing.js';
import { refuseScopedEngine, scopedClientOf } from '../database/clients/client-scope.js';
import { EngineClient } from '../database/clients/engine-client.js';
import { HostClient } from '../database/clients/host-client.js';
import type { TransactionalSqlClient } from '../database/clients/sql-client.js';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { narrowTextOf } from '../database/connection/server-encoding.store.js';
import { EngineDatabase } from '../database/engine-database.js';
import { runMigrations, verifyMigrations } from '../database/migrations/migration-runner.js';
import { ConsumerWorkers } from '../delivery/consumer-workers.js';
import { FaultPoints } from '../delivery/execution/fault-points.js';
import { HandlerRunner } from '../delivery/execution/handler-runner.js';
import { HandlerSlots } from '../delivery/execution/handler-slots.js';
import { HandlerTransactionStore } from '../delivery/execution/transactions/handler-transaction.store.js';
import { HandlerTransactions } from '../delivery/execution/transactions/handler-transactions.js';
import { TransactionalRunner } from '../delivery/execution/transactions/transactional-runner.js';
import { DEFAULT_FAILURE_COUNT_MS, FAILURE_COUNT_MS, FailureLog } from '../delivery/failure-log.js';
import { OutboxPollingCoordinator } from '../delivery/outbox-polling-coordinator.js';
import { OutboxProcessorJob } from '../delivery/outbox-processor.job.js';
import { OutboxProcessor } from '../delivery/outbox-processor.js';
import { DEFAULT_LISTENER_LIMITS, LISTENER_LIMITS, OutcomeListeners } from '../delivery/outcome-listeners.js';
import { EnteredEvents } from '../delivery/partition/entered-events.js';
import { OutcomeStream } from '../delivery/partition/outcome-stream.js';
import { Watchdog } from '../delivery/watchdog/watchdog.js';
import { IntegrationError } from '../errors.js';
import { EventLimits } from '../events/event-limits.js';
import { BrokenAttemptStore } from '../inbox/broken-attempt.store.js';
import { InboxService } from '../inbox/inbox.service.js';
import { InboxCursorStore } from '../inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../inbox/inbox-event.store.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import { JointSettlements } from '../inbox/joint-settlements.js';
import { SettlementStore } from '../inbox/settlement.store.js';
import { IntegrationLinkService } from '../links/integration-link.service.js';
import { IntegrationLinkStore } from '../links/integration-link.store.js';
import { OutboxLogStore } from '../log/outbox-log.store.js';
import { OutboxQueryStore } from '../log/outbox-query.store.js';
import { OutboxStatsStore } from '../log/outbox-stats.store.js';
import { SequenceGuard } from '../log/sequence-guard.js';
import { LogPages } from '../log/sharing/log-pages.js';
import { ConsumerPresence } from '../maintenance/consumer-presence.js';
import { ConsumerPresenceStore } from '../maintenance/consumer-presence.store.js';
import { MaintenanceJob } from '../maintenance/maintenance.job.js';
import { MaintenanceTaskStore } from '../maintenance/maintenance-task.store.js';
import { Privileges } from '../maintenance/privileges.js';
import { Retention } from '../maintenance/retention.js';
import { RetentionStore } from '../maintenance/retention.store.js';
import { refuseClientElsewhere, ServerFitness } from '../maintenance/server-fitness.js';
import { UnconsumedNames } from '../maintenance/unconsumed-names.js';
import { UnroutedEventStore } from '../maintenance/unrouted-event.store.js';
import { UnroutedEvents } from '../maintenance/unrouted-events.js';
import {
  DEFAULT_UNSERVED_TIMES,
  UNSERVED_TIMES,
  UnservedConsumers,
} from '../maintenance/unserved-consumers.js';
import { IntegrationProcessStore } from '../membership/integration-process.store.js';
import { LeaseKeeper } from '../membership/lease-keeper.js';
import { SequenceStore } from '../membership/sequence.store.js';
import { SequenceWatch } from '../membership/sequence-watch.js';
import { UnavailableConsumers } from '../membership/unavailable-consumers.js';
import { CommitProber } from '../outbox/commit-prober.js';
import { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import { OutboxService } from '../outbox/outbox.service.js';
import { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { TransactionRunner } from '../outbox/transaction-runner.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { findNestConfig } from '../settings/nest-config.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { SubscriberExplorer } from '../subscribers/subscriber-explorer.js';
import { DeliveryCounters } from '../telemetry/delivery-counters.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { WakeupStore } from '../wakeups/wakeup.store.js';
import { WakeupBroadcaster } from '../wakeups/wakeup-broadcaster.js';
import { WakeupListener } from '../wakeups/wakeup-listener.js';
import {
  CONFIGURATION,
  GIVEN_OPTIONS,
  type HostConfiguration,
  type IntegrationOptions,
  isTransactionalClient,
  RESOLVED_OPTIONS,
  type ResolvedOptions,
  resolveOptions,
} from './integration.options.js';
import { IntegrationDeveloperApiService } from './integration-developer-api.service.js';
import { FirstModule, LastModule, OuterHooks } from './integration-hooks.module.js';
import { ShutdownHooksCheck } from './shutdown-hooks-check.js';

/** Token of the time for which a boot waits for the database, in ms. */
export const BOOT_DEADLINE_MS = Symbol('nestjs-integration:boot-deadline');

const DEFAULT_BOOT_DEADLINE_MS = 15_000;

/** What `IntegrationModule` offers to the application. */
const SERVICES = [
  IntegrationDeveloperApiService,
  DomainEventPublisher,
  OutboxService,
  OutboxNotifier,
  EventSubscriberRegistry,
  IntegrationLinkService,
  IntegrationSettingsService,
  OutboxProcessor,
  OutboxPollingCoordinator,
  InboxService,
  ConsumerService,
];

const FOUNDATION: Provider[] = [
  ProcessIdentity,
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
    inject: [GIVEN_OPTIONS, CONFIGURATION],
    useFactory: (given: IntegrationOptions, { reader }: HostConfiguration) => resolveOptions(given, reader),
  },
  {
    provide: EngineDatabase,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ connectionString, connection, schema, poolMax }: ResolvedOptions) =>
      new EngineDatabase({ connectionString, connection, schema, max: poolMax }),
  },
  {
    provide: EventLimits,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ maxPayloadBytes }: ResolvedOptions) => new EventLimits(maxPayloadBytes),
  },
  {
    provide: IntegrationSettingsService,
    inject: [EngineDatabase, RESOLVED_OPTIONS, CONFIGURATION],
    useFactory: (db: EngineDatabase, { settings }: ResolvedOptions, { reader }: HostConfiguration) =>
      new IntegrationSettingsService(db, { options: settings, config: reader }),
  },
];

const DELIVERY: Provider[] = [
  SequenceStore,
  SequenceWatch,
  HandlerTransactionStore,
  {
    provide: LeaseKeeper,
    inject: [
      EngineDatabase,
      IntegrationProcessStore,
      InboxCursorStore,
      SequenceWatch,
      ProcessIdentity,
      RESOLVED_OPTIONS,
      IntegrationSettingsService,
    ],
    useFactory: (
      db: EngineDatabase,
      processes: IntegrationProcessStore,
      cursors: InboxCursorStore,
      sequence: SequenceWatch,
      identity: ProcessIdentity,
      { role }: ResolvedOptions,
      settings: IntegrationSettingsService,
    ) =>
      new LeaseKeeper(
        db,
        processes,
        cursors,
        sequence,
        identity,
        role,
        () => settings.snapshot().processingLeaseMs,
      ),
  },
  {
    provide: HandlerSlots,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ maxConcurrency }: ResolvedOptions) => new HandlerSlots(maxConcurrency),
  },
  {
    provide: Watchdog,
    inject: [RESOLVED_OPTIONS, IntegrationSettingsService],
    useFactory: ({ watchdog }: ResolvedOptions, settings: IntegrationSettingsService) =>
      new Watchdog(watchdog, () => settings.snapshot().processingLeaseMs),
  },
  FaultPoints,
  OutcomeStream,
  { provide: FAILURE_COUNT_MS, useValue: DEFAULT_FAILURE_COUNT_MS },
  FailureLog,
  { provide: LISTENER_LIMITS, useValue: DEFAULT_LISTENER_LIMITS },
  OutcomeListeners,
  DeliveryCounters,
  EnteredEvents,
  BrokenAttemptStore,
  HandlerTransactions,
  TransactionalRunner,
  HandlerRunner,
  ConsumerWorkers,
  OutboxProcessorJob,
];

const MAINTENANCE: Provider[] = [
  MaintenanceTaskStore,
  RetentionStore,
  Retention,
  ConsumerPresenceStore,
  ConsumerPresence,
  UnroutedEventStore,
  UnroutedEvents,
  UnconsumedNames,
  { provide: UNSERVED_TIMES, useValue: DEFAULT_UNSERVED_TIMES },
  UnservedConsumers,
  MaintenanceJob,
];

const ENGINE: Provider[] = [
  OutboxLogStore,
  LogPages,
  InboxCursorStore,
  SettlementStore,
  JointSettlements,
  InboxEventStore,
  InboxRecordStore,
  ReplayStore,
  ReplayRequestStore,
  RepartitionStore,
  ConsumerChores,
  IntegrationProcessStore,
  UnavailableConsumers,
  ...DELIVERY,
  ...MAINTENANCE,
  OutboxEventStore,
  OutboxQueryStore,
  OutboxStatsStore,
  IntegrationLinkStore,
  SequenceGuard,
  WakeupStore,
  CommitProber,
  WakeupBroadcaster,
  WakeupListener,
  TransactionRunner,
  SubscriberExplorer,
  ConsumerRegistration,
  HandOver,
  ...SERVICES.filter((service) => service !== IntegrationSettingsService),
];

/** Stands on nothing that the host gives, so that its hook is called where those of the engine are not. */
@Injectable()
class ScopeCheck implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {}

  onModuleInit(): void {
    refuseScopedEngine(this.modules, {
      module: IntegrationEngineModule,
      options: GIVEN_OPTIONS,
      client: HostClient,
    });
  }
}

/** On the class of this module in every copy of the package. */
const ENGINE_MODULE = Symbol.for('nestjs-integration:engine-module');

export interface EngineModuleSetup {
  /** Where `clientToken` and what the options' factory injects come from. */
  readonly imports: ModuleMetadata['imports'] | undefined;
  /** The host's client, where its token is known before the options are. */
  readonly clientToken: InjectionToken | undefined;
  /** How GIVEN_OPTIONS is made. */
  readonly options: Provider[];
}

/**
 * The engine, in a module of its own that imports what the host's client comes from. Consumers are registered when it boots;
 * handlers run only while every module of the application is ready (`LastModule`).
 */
@Module({})
export class IntegrationEngineModule implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  static readonly [ENGINE_MODULE] = true;

  private readonly logger = new Logger('IntegrationModule');

  static register({ imports, clientToken, options }: EngineModuleSetup): DynamicModule {
    return {
      module: IntegrationEngineModule,
      imports: [DiscoveryModule, FirstModule, LastModule, ...(imports ?? [])],
      providers: [ScopeCheck, ...options, ...FOUNDATION, hostClientProvider(clientToken), ...ENGINE],
      exports: SERVICES,
    };
  }

  private readonly shutdownHooks = new ShutdownHooksCheck(this.logger);
  private closing = false;
  /** Every hook of the boot was called. `init()` of a microservice calls all of them a second time. */
  private hasBooted = false;

  constructor(
    modules: ModulesContainer,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(BOOT_DEADLINE_MS) private readonly bootDeadlineMs: number,
    private readonly db: EngineDatabase,
    private readonly host: HostClient,
    private readonly settings: IntegrationSettingsService,
    private readonly explorer: SubscriberExplorer,
    private readonly listeners: OutcomeListeners,
    private readonly broadcaster: WakeupBroadcaster,
    private readonly listener: WakeupListener,
    private readonly prober: CommitProber,
    private readonly job: OutboxProcessorJob,
    private readonly watchdog: Watchdog,
    private readonly maintenance: MaintenanceJob,
    private readonly unserved: UnservedConsumers,
    private readonly unconsumed: UnconsumedNames,
    private readonly registry: EventSubscriberRegistry,
    hooks: OuterHooks,
  ) {
    refuseSecondRegistration(modules);
    hooks.init = () => this.beginInit();
    hooks.begin = () => this.beginDelivery();
    hooks.end = () => this.endDelivery();
  }

  /** No other module is initialized yet. */
  private beginInit(): void {
    if (this.hasBooted) this.registry.repeatBegins();
  }

  async onModuleInit(): Promise<void> {
    if (this.hasBooted) return;
    try {
      refuseUnfitClient(this.host);
      // Before the first handler can block anything.
      const watching = this.options.role === 'publisher' ? undefined : this.watchdog.start();
      for (const hint of this.options.hints) this.logger.warn(hint);
      await this.db.waitUntilReachable(this.bootDeadlineMs, (words) => this.logger.warn(words));
      await this.bringSchema();
      await this.learnEncoding();
      if (this.options.role !== 'publisher') await new ServerFitness(this.db).require();
      await this.lookAtClient();
      await this.settings.load();
      this.explorer.explore();
      this.listeners.explore();
      this.broadcaster.start();
      this.followSettings();
      if (this.options.role !== 'publisher') await this.listener.start();
      await watching;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Every `onModuleInit` is done: what registers subscribers has done so. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.hasBooted) return;
    try {
      await this.requirePrivileges();
      await this.job.register();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Every other module is ready. */
  private async beginDelivery(): Promise<void> {
    this.registry.repeatEnds();
    if (this.hasBooted) return;
    this.hasBooted = true;
    this.job.begin(this.options.role);
    if (!this.closing) this.unconsumed.start();
    if (this.options.role === 'publisher' || this.closing) return;
    this.maintenance.start();
    if (this.registry.consumers().length > 0) this.shutdownHooks.start();
    this.unserved.start();
  }

  /** No other module is destroyed yet. */
  private async endDelivery(): Promise<void> {
    this.closing = true;
    this.shutdownHooks.stop();
    await this.maintenance.stop();
    await this.unserved.stop();
    await this.unconsumed.stop();
    await this.job.stop(this.options.shutdownTimeoutMs);
    await this.listener.stop();
  }

  /** Requests that were still being answered may have published until now. */
  async onApplicationShutdown(): Promise<void> {
    await this.stop();
  }

  /** What changed anywhere is read at once: settings, and names of consumers. The heartbeat would bring it two seconds later. */
  private followSettings(): void {
    this.listener.settingsChanged$.subscribe(() => {
      this.settings.load().catch(() => {});
    });
    this.listener.consumersChanged$.subscribe(() => this.job.consumersChanged());
  }

  private async learnEncoding(): Promise<void> {
    const narrow = await narrowTextOf(this.db);
    this.db.narrowText = narrow;
    if (narrow === undefined) return;
    this.logger.warn(
      `The database's encoding is ${narrow.encoding}, not UTF8. Events with characters that it cannot hold are refused when they are published; in texts of errors such characters are replaced with marks such as <U+2019>. Use a database with ENCODING 'UTF8' to hold every text.`,
    );
  }

  /** The engine's own client is not asked: it is known, and would open connections that nobody may need. */
  private async lookAtClient(): Promise<void> {
    const { client } = this.host;
    if (client instanceof EngineClient) return;
    const problem =
      (await refuseChangingClient(client)) ??
      (await refuseClientElsewhere(new ServerFitness(this.db), client));
    if (problem === undefined) return;
    this.logger.warn(
      `The host's client could not be asked at boot whether it carries values as they are, and to which database: ${problem}`,
    );
  }

  private async requirePrivileges(): Promise<void> {
    const consumers = this.registry.consumers();
    const work = {
      role: this.options.role,
      hasConsumers: consumers.length > 0,
      hasTransactionalOnes: consumers.some(({ subscriptions }) =>
        subscriptions.some((each) => each.transactional),
      ),
    };
    const { client } = this.host;
    const foreign = client instanceof EngineClient ? undefined : client;
    for (const lack of await new Privileges(this.db).requireFor(work, foreign)) this.logger.warn(lack);
  }

  private async bringSchema(): Promise<void> {
    const { migrations, connectionString, connection, schema } = this.options;
    if (migrations !== 'run') {
      await new Privileges(this.db).requireToBoot(migrations === 'verify');
      if (migrations === 'verify') await verifyMigrations(this.db);
      return;
    }
    const { applied } = await runMigrations({ connectionString, connection, schema });
    if (applied.length > 0) this.logger.log(`Migrated schema "${schema}": ${applied.join(', ')}`);
  }

  private async stop(): Promise<void> {
    await this.watchdog.stop();
    await this.listener.stop();
    await this.prober.close();
    await this.broadcaster.stop();
    await this.db.close();
  }
}

/** The host's client by its token, or by value, or, where the host brings none, the engine's own connections. */
function hostClientProvider(clientToken: InjectionToken | undefined): Provider {
  if (clientToken !== undefined) {
    return {
      provide: HostClient,
      inject: [{ token: clientToken, optional: true }, ModulesContainer, ModuleRef],
      useFactory: (
        client: TransactionalSqlClient | null | undefined,
        all: ModulesContainer,
        modules: ModuleRef,
      ) => {
        if (client !== null && client !== undefined) return new HostClient(client);
        // Some versions of Nest tell a missing provider and one that could not be made alike; the latter fails the boot itself.
        const missing = missingClient(all, IntegrationEngineModule, clientToken);
        if (missing !== undefined) throw missing;
        return new HostClient(() => findClient(modules, clientToken));
      },
    };
  }
  return {
    provide: HostClient,
    inject: [RESOLVED_OPTIONS, EngineDatabase, ModuleRef],
    useFactory: ({ client, clientToken: token }: ResolvedOptions, db: EngineDatabase, modules: ModuleRef) => {
      // A token that only the options' factory knows cannot be declared as a dependency: the client may be made later.
      if (token !== undefined) return new HostClient(() => findClient(modules, token));
      return new HostClient(client ?? db.openClient());
    },
  };
}

function scopeOf(modules: ModuleRef, token: InjectionToken): Scope {
  try {
    return modules.introspect(token as string).scope;
  } catch {
    return Scope.DEFAULT;
  }
}

/** The client of a token that only the options' factory knows. */
function findClient(modules: ModuleRef, token: InjectionToken): TransactionalSqlClient {
  // An unknown token fails in the next line.
  if (scopeOf(modules, token) !== Scope.DEFAULT) throw scopedClientOf(token);
  try {
    return modules.get(token as string, { strict: false });
  } catch (error) {
    const all = modules.get(ModulesContainer, { strict: false });
    throw missingClient(all, IntegrationEngineModule, token) ?? error;
  }
}

function refuseUnfitClient(host: HostClient): void {
  if (isTransactionalClient(host.client)) return;
  throw new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    'The provider that clientToken names is not a client: it needs the functions $queryRawUnsafe, $executeRawUnsafe and $transaction, as a PrismaClient has them.',
  );
}

function refuseSecondRegistration(modules: ModulesContainer): void {
  const registered = [...modules.values()].filter(({ metatype }) => isEngineModule(metatype));
  if (registered.length <= 1) return;
  const areCopies = registered.some(({ metatype }) => metatype !== IntegrationEngineModule);
  const remedy = areCopies
    ? 'once with each of two copies of nestjs-integration that are installed (npm ls nestjs-integration shows where): call it once, in the root module, and let libraries list the package among their peerDependencies'
    : 'call it once, in the root module';
  throw new IntegrationError(
    'INTEGRATION_ALREADY_REGISTERED',
    `IntegrationModule.forRoot was called ${registered.length} times in this application: ${remedy}. It is global, so features inject its services without importing it; with isGlobal: false, import the module that it returned.`,
  );
}

/** In whichever copy of the package. */
function isEngineModule(metatype: unknown): boolean {
  return typeof metatype === 'function' && ENGINE_MODULE in metatype;
}
