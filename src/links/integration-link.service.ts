import { Injectable } from '@nestjs/common';
import { currentFence, refuseClientOfOther } from '../context/integration-context.js';
import { HostClient } from '../database/clients/host-client.js';
import type { PersistenceClient, SqlClient } from '../database/clients/sql-client.js';
import { IntegrationError } from '../errors.js';
import type {
  CreateIntegrationLinkDto,
  IntegrationLink,
  IntegrationLinkEnd,
  IntegrationLinkType,
} from './integration-link.js';
import { IntegrationLinkStore } from './integration-link.store.js';
import { validateLink, validateLinkEnd, validateLinkId, validateLinkType } from './link-validation.js';

/**
 * Keeps relations between entities of different modules, without foreign keys. Every method takes the client
 * of an open transaction as its last argument, and then reads and writes in that transaction. Without a
 * client each call is a statement of its own.
 *
 * Rejects with INTEGRATION_LINK_INVALID, before any SQL, when a name is empty or too long or a type is
 * unknown. Rejects with INTEGRATION_CLIENT_INVALID when `persistenceClient` is not a client. Results are in
 * the order of their creation.
 */
@Injectable()
export class IntegrationLinkService {
  constructor(
    private readonly host: HostClient,
    private readonly store: IntegrationLinkStore,
  ) {}

  /**
   * Creates a link and returns it. If a link with the same ends and type exists, it is returned unchanged,
   * with its own metadata.
   */
  async createLink(
    dto: CreateIntegrationLinkDto,
    persistenceClient?: PersistenceClient,
  ): Promise<IntegrationLink> {
    const metadata = validateLink(dto);
    const link = await this.store.insertOrFind(await this.clientToWrite(persistenceClient), dto, metadata);
    if (link !== undefined) return link;
    throw new IntegrationError(
      'INTEGRATION_LINK_INVALID',
      'The link exists, but this transaction cannot see it: create links in READ COMMITTED',
    );
  }

  /** Links that start at this entity. */
  async findOutbound(
    module: string,
    entityType: string,
    entityId: string,
    persistenceClient?: PersistenceClient,
  ): Promise<IntegrationLink[]> {
    const source = { module, entityType, entityId };
    validateLinkEnd(source);
    return this.store.findBySource(this.clientFor(persistenceClient), source);
  }

  /** Links that end at this entity. */
  async findInbound(
    module: string,
    entityType: string,
    entityId: string,
    persistenceClient?: PersistenceClient,
  ): Promise<IntegrationLink[]> {
    const target = { module, entityType, entityId };
    validateLinkEnd(target);
    return this.store.findByTarget(this.clientFor(persistenceClient), target);
  }

  /** All links of a type. */
  async findByLinkType(
    type: IntegrationLinkType,
    persistenceClient?: PersistenceClient,
  ): Promise<IntegrationLink[]> {
    validateLinkType(type);
    return this.store.findByType(this.clientFor(persistenceClient), type);
  }

  /** Links between two entities in either direction. */
  async findBidirectional(
    source: IntegrationLinkEnd,
    target: IntegrationLinkEnd,
    persistenceClient?: PersistenceClient,
  ): Promise<IntegrationLink[]> {
    validateLinkEnd(source);
    validateLinkEnd(target);
    return this.store.findBetween(this.clientFor(persistenceClient), source, target);
  }

  /** Removes a link. Resolves to false if there was none. */
  async removeLink(id: string, persistenceClient?: PersistenceClient): Promise<boolean> {
    validateLinkId(id);
    return this.store.deleteLink(await this.clientToWrite(persistenceClient), id);
  }

  private async clientToWrite(persistenceClient: PersistenceClient | undefined): Promise<SqlClient> {
    const client = this.clientFor(persistenceClient);
    const fence = currentFence();
    if (fence !== undefined) await this.store.requireInRehearsal(client, fence);
    return client;
  }

  private clientFor(persistenceClient: PersistenceClient | undefined): SqlClient {
    refuseClientOfOther(persistenceClient, this.host.engine);
    return this.host.within(persistenceClient);
  }
}
