import type { SqlClient } from '../database/clients/sql-client.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { detailsOfMissing, wordsOfMissing } from '../database/privileges/missing-rights.js';
import { type MissingRight, PrivilegesStore, type Right } from '../database/privileges/privileges.store.js';
import {
  OF_BOOT,
  OF_DELIVERY,
  OF_HEARTBEAT,
  OF_MAINTENANCE,
  OF_PUBLISHERS,
  OF_REGISTRATION,
  OF_REHEARSALS,
  OF_TRANSACTIONAL_HANDLERS,
  OF_VERIFICATION,
} from '../database/privileges/rights.store.js';
import { answerWithin } from '../database/wire/answer-within.js';
import { IntegrationError } from '../errors.js';

/** The same limit as for the other checks of the client. */
const LOOK_WITHIN_MS = 5_000;

const ENGINE = 'the engine’s connection';
const CLIENT = 'the client';

/** The rights that a part of the package needs beside those of the engine. */
export interface ExtensionRights {
  /** Without these of the engine's connection, or of the client, the part does not work: the boot fails. */
  readonly engine: readonly Right[];
  readonly client: readonly Right[];
  /** Without these, only its maintenance fails: that is logged. */
  readonly maintenance: readonly Right[];
}

/** What this process will do. */
export interface Work {
  readonly role: 'all' | 'publisher' | 'worker';
  readonly hasConsumers: boolean;
  readonly hasTransactionalOnes: boolean;
}

/**
 * Checks at boot whether the roles of engine and client have their rights. A missing right is then reported
 * once and by name, before a statement fails.
 */
export class Privileges {
  private readonly store: PrivilegesStore;

  constructor(private readonly db: EngineDatabase) {
    this.store = new PrivilegesStore(db.schema);
  }

  /** Requires the rights for the first reads of a boot. Throws INTEGRATION_PRIVILEGES_MISSING. */
  async requireToBoot(verifies: boolean): Promise<void> {
    const rights = verifies ? [...OF_BOOT, ...OF_VERIFICATION] : OF_BOOT;
    this.refuse(ENGINE, await this.ask(rights));
  }

  /**
   * Requires the rights for the work of this process. Resolves to the rights that are missing for less
   * important work. Leave `client` out if it is the engine's own, because its role is then the engine's. The
   * rights of a client that does not answer stay unknown.
   *
   * @throws IntegrationError INTEGRATION_PRIVILEGES_MISSING
   */
  async requireFor(work: Work, client: SqlClient | undefined): Promise<string[]> {
    const delivers = work.role !== 'publisher';
    const ofConsumers = [...OF_HEARTBEAT, ...OF_REGISTRATION, ...(delivers ? OF_DELIVERY : [])];
    if (work.hasConsumers) this.refuse(ENGINE, await this.ask(ofConsumers));
    if (work.hasTransactionalOnes && delivers) {
      this.refuse(
        `${CLIENT}, which runs transactional handlers,`,
        await this.ask(OF_TRANSACTIONAL_HANDLERS, client),
      );
    }
    const ofEngine = [...(work.hasConsumers ? [] : OF_HEARTBEAT), ...(delivers ? OF_MAINTENANCE : [])];
    const rehearses = work.hasTransactionalOnes && delivers;
    return [
      this.said(ENGINE, await this.ask(ofEngine)),
      rehearses ? this.said(CLIENT, await this.ask(OF_REHEARSALS, client)) : undefined,
      work.role === 'worker' ? undefined : this.said(CLIENT, await this.ask(OF_PUBLISHERS, client)),
    ].filter((words) => words !== undefined);
  }

  /**
   * Requires the rights of a part of the package. Resolves to what its maintenance lacks.
   *
   * @throws IntegrationError INTEGRATION_PRIVILEGES_MISSING
   */
  async requireOf(
    { engine, client: ofClient, maintenance }: ExtensionRights,
    { role }: Pick<Work, 'role'>,
    client: SqlClient | undefined,
  ): Promise<string[]> {
    this.refuse(ENGINE, await this.ask(engine));
    this.refuse(client === undefined ? ENGINE : CLIENT, await this.ask(ofClient, client));
    const said = role === 'publisher' ? undefined : this.said(ENGINE, await this.ask(maintenance));
    return said === undefined ? [] : [said];
  }

  private async ask(rights: readonly Right[], client?: SqlClient): Promise<readonly MissingRight[]> {
    if (rights.length === 0) return [];
    if (client === undefined) return this.store.missingOfEngine(this.db, rights);
    return answerWithin(LOOK_WITHIN_MS, this.store.missingOfClient(client, rights)).catch(() => []);
  }

  private refuse(whose: string, missing: readonly MissingRight[]): void {
    const said = this.said(whose, missing);
    if (said === undefined) return;
    throw new IntegrationError(
      'INTEGRATION_PRIVILEGES_MISSING',
      said,
      detailsOfMissing(this.db.schema, missing),
    );
  }

  private said(whose: string, missing: readonly MissingRight[]): string | undefined {
    return wordsOfMissing(this.db.schema, whose, missing);
  }
}
