import { Inject, Injectable, type Logger } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AdminDatabase } from '../database/admin-database.js';
import { refuseChangingClient } from '../database/clients/client-look.js';
import { EngineClient } from '../database/clients/engine-client.js';
import { HostClient } from '../database/clients/host-client.js';
import { isConnectionLoss } from '../database/connection/connection-loss.js';
import { throughOutages } from '../database/connection/until-reachable.js';
import { EngineDatabase } from '../database/engine-database.js';
import { runMigrations, verifyMigrations } from '../database/migrations/migration-runner.js';
import { narrowTextOf } from '../database/server-encoding.store.js';
import { IntegrationError } from '../errors.js';
import { SequenceStore } from '../inbox/sequence.store.js';
import { LAST_POSITION, sequenceExhausted } from '../log/last-position.js';
import { Privileges } from '../maintenance/privileges.js';
import { refuseClientElsewhere, ServerFitness } from '../maintenance/server-fitness.js';
import { ServerFitnessStore } from '../maintenance/server-fitness.store.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { loggerOf } from '../words/engine-logger.js';
import { Engines } from './engines.js';
import { RULES_BOOT, type RulesBoot } from './event-rules.js';
import { linesOf, rightsOf } from './extension.js';
import { isTransactionalClient, RESOLVED_OPTIONS, type ResolvedOptions } from './integration.options.js';

/** Token of the time for which a boot waits for the database, in milliseconds. */
export const BOOT_DEADLINE_MS = Symbol('nestjs-integration:boot-deadline');

export const DEFAULT_BOOT_DEADLINE_MS = 15_000;

/**
 * Checks what must hold before the engine runs. Each step passes, or fails the boot with an error that says
 * what to do.
 */
@Injectable()
export class EngineBoot {
  private readonly logger: Logger;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(BOOT_DEADLINE_MS) private readonly bootDeadlineMs: number,
    private readonly db: EngineDatabase,
    private readonly admin: AdminDatabase,
    private readonly host: HostClient,
    private readonly registry: EventSubscriberRegistry,
    private readonly engines: Engines,
    @Inject(RULES_BOOT) private readonly rulesBoot: RulesBoot,
    private readonly modules: ModuleRef,
  ) {
    this.logger = loggerOf('IntegrationModule', db);
  }

  /**
   * Makes sure that the database can be reached, is fit and has the tables, and that the host's client leads
   * to it.
   */
  async prepareDatabase(): Promise<void> {
    refuseUnfitClient(this.host);
    for (const hint of this.options.hints) this.logger.warn(hint);
    await this.db.waitUntilReachable(this.bootDeadlineMs, (words) => this.logger.warn(words));
    await this.persist(() => this.claimTables());
    await this.persist(() => this.bringSchema());
    await this.persist(() => this.requirePositions());
    await this.persist(() => this.learnEncoding());
    if (this.options.role !== 'publisher') await this.persist(() => new ServerFitness(this.db).require());
    await this.persist(() => this.lookAtClient());
    await this.persist(() => this.rulesBoot(this.db));
  }

  /**
   * Runs a step of the boot that may be run twice. If the database goes away in it, the boot waits as long as
   * at its beginning, and repeats the step.
   */
  persist<R>(step: () => Promise<R>): Promise<R> {
    return throughOutages(step, {
      target: () => this.db.address,
      deadlineMs: this.bootDeadlineMs,
      onFailedTry: (words) => this.logger.warn(words),
    });
  }

  /** Runs once the consumers are known. A missing right that the process can do without is logged. */
  async requirePrivileges(): Promise<void> {
    for (const lack of await this.persist(() => this.lackedRights())) this.logger.warn(lack);
  }

  private async lackedRights(): Promise<string[]> {
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
    const privileges = new Privileges(this.db);
    const lacks = await privileges.requireFor(work, foreign);
    for (const rights of rightsOf(this.options.extensions, this.modules))
      lacks.push(...(await privileges.requireOf(rights, work, foreign)));
    return lacks;
  }

  /** Two engines of one application must not run consumers on the same tables. */
  private async claimTables(): Promise<void> {
    if (!this.engines.areSeveral) return;
    const database = await new ServerFitnessStore(this.db).databaseOfEngine();
    if (database === undefined) return;
    const { started, oid, name, address } = database;
    const { engine, schema } = this.db;
    this.engines.claim({
      engine,
      key: `${started} ${oid} ${schema}`,
      words: `schema "${schema}" of the database "${name}" at ${address ?? 'a local socket'}`,
      isPublisher: this.options.role === 'publisher',
    });
  }

  private async bringSchema(): Promise<void> {
    const { migrations, connectionString, connection, schema } = this.options;
    const lines = linesOf(this.options.extensions);
    if (migrations !== 'run') {
      await new Privileges(this.db).requireToBoot(migrations === 'verify');
      if (migrations === 'verify') await verifyMigrations(this.db, lines);
      return;
    }
    const { applied } = await runMigrations({ connectionString, connection, schema, lines });
    if (applied.length > 0) this.logger.log(`Migrated schema "${schema}": ${applied.join(', ')}`);
  }

  /** A sequence that was set behind the last position loses events. It is found before any is published. */
  private async requirePositions(): Promise<void> {
    const next = await new SequenceStore(this.db).next().catch((error: unknown) => {
      if (isConnectionLoss(error)) throw error;
      // Other steps say that the tables are missing, or a right on them.
      return undefined;
    });
    if (next !== undefined && next > LAST_POSITION) throw sequenceExhausted(this.db.schema);
  }

  private async learnEncoding(): Promise<void> {
    const narrow = await narrowTextOf(this.db);
    for (const each of [this.db, this.admin]) each.narrowText = narrow;
    if (narrow === undefined) return;
    this.logger.warn(
      `The database's encoding is ${narrow.encoding}, not UTF8. Events with characters that it cannot hold are refused when they are published; in texts of errors such characters are replaced with marks such as <U+2019>. Use a database with ENCODING 'UTF8' to hold every text.`,
    );
  }

  /**
   * The engine's own client is not checked, because it is known and the check would open connections that may
   * not be needed.
   */
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
}

function refuseUnfitClient(host: HostClient): void {
  if (isTransactionalClient(host.client)) return;
  throw new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    'The provider that clientToken names is not a client: it needs the functions $queryRawUnsafe, $executeRawUnsafe and $transaction, as a PrismaClient has them. For a client of another library, give the adapter of that library too, such as adapter: fromTypeOrm of nestjs-integration/typeorm',
  );
}
