import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../database/clients/sql-client.js';
import { EngineDatabase } from '../database/engine-database.js';
import { epochText } from '../database/sql/epoch-text.store.js';
import { requireInRehearsal } from '../database/sql/rehearsal-fence.store.js';
import { timeOf } from '../database/wire/plain-values.js';
import { IntegrationError } from '../errors.js';
import type {
  CreateIntegrationLinkDto,
  IntegrationLink,
  IntegrationLinkEnd,
  IntegrationLinkType,
} from './integration-link.js';

const KEY = `source_module, source_entity_type, source_entity_id, target_module, target_entity_type, target_entity_id, link_type`;
const COLUMNS = `id::text AS id, source_module AS "sourceModule", source_entity_type AS "sourceEntityType",
  source_entity_id AS "sourceEntityId", target_module AS "targetModule", target_entity_type AS "targetEntityType",
  target_entity_id AS "targetEntityId", link_type AS "linkType", metadata::text AS metadata, ${epochText('created_at')} AS "createdAt",
  ${epochText('updated_at')} AS "updatedAt"`;
/**
 * A link that somebody else removes between insert and look-up is inserted again. This does not happen three
 * times in a row.
 */
const TRIES = 3;

/** The row of a link. All clients return its columns as texts. */
type LinkRow = Omit<IntegrationLink, 'metadata' | 'createdAt' | 'updatedAt'> &
  Readonly<Record<'metadata' | 'createdAt' | 'updatedAt', string>>;

/** Stores the links, through the host's client or the caller's transaction. */
@Injectable()
export class IntegrationLinkStore {
  private readonly insert: string;
  private readonly select: string;
  private readonly deleteSql: string;

  constructor(private readonly db: EngineDatabase) {
    const table = db.tables.integrationLink;
    this.insert = `INSERT INTO ${table} (${KEY}, metadata) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb)
      ON CONFLICT (${KEY}) DO NOTHING RETURNING ${COLUMNS}`;
    this.select = `SELECT ${COLUMNS} FROM ${table}`;
    this.deleteSql = `DELETE FROM ${table} WHERE id = $1::uuid`;
  }

  /** @throws IntegrationError INTEGRATION_REHEARSAL_OUTSIDE */
  requireInRehearsal(client: SqlClient, fence: string): Promise<void> {
    return requireInRehearsal(client, this.db.tables, fence);
  }

  /**
   * Inserts the link, or finds the one that exists. The insert waits for a concurrent insert of the same link
   * and then sees it.
   */
  async insertOrFind(
    client: SqlClient,
    dto: CreateIntegrationLinkDto,
    metadata: string,
  ): Promise<IntegrationLink | undefined> {
    const key = [
      dto.sourceModule,
      dto.sourceEntityType,
      dto.sourceEntityId,
      dto.targetModule,
      dto.targetEntityType,
      dto.targetEntityId,
      dto.linkType,
    ];
    this.refuseWhatIsNotHeld([...key, metadata]);
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const [inserted] = await client.$queryRawUnsafe<LinkRow[]>(this.insert, ...key, metadata);
      if (inserted !== undefined) return linkOf(inserted);
      const found = await this.find(client, `(${KEY}) = ($1, $2, $3, $4, $5, $6, $7)`, key);
      if (found[0] !== undefined) return found[0];
    }
    return undefined;
  }

  findBySource(client: SqlClient, source: IntegrationLinkEnd): Promise<IntegrationLink[]> {
    return this.find(client, fromSource(1), valuesOf(source));
  }

  findByTarget(client: SqlClient, target: IntegrationLinkEnd): Promise<IntegrationLink[]> {
    return this.find(client, fromTarget(1), valuesOf(target));
  }

  findByType(client: SqlClient, type: IntegrationLinkType): Promise<IntegrationLink[]> {
    return this.find(client, 'link_type = $1', [type]);
  }

  /** Links between two entities, in either direction. */
  findBetween(
    client: SqlClient,
    one: IntegrationLinkEnd,
    other: IntegrationLinkEnd,
  ): Promise<IntegrationLink[]> {
    const either = `(${fromSource(1)} AND ${fromTarget(4)}) OR (${fromSource(4)} AND ${fromTarget(1)})`;
    return this.find(client, either, [...valuesOf(one), ...valuesOf(other)]);
  }

  /** Deletes a link and returns whether there was one. */
  async deleteLink(client: SqlClient, id: string): Promise<boolean> {
    return Number(await client.$executeRawUnsafe(this.deleteSql, id)) > 0;
  }

  /**
   * Refuses the values before any SQL, because an error of the database would abort the caller's transaction.
   */
  private refuseWhatIsNotHeld(values: readonly string[]): void {
    for (const value of values) {
      const problem = this.db.narrowText?.problemOf(value);
      if (problem !== undefined)
        throw new IntegrationError('INTEGRATION_LINK_INVALID', `The link is not valid: it ${problem}`);
    }
  }

  private async find(
    client: SqlClient,
    where: string,
    values: readonly string[],
  ): Promise<IntegrationLink[]> {
    this.refuseWhatIsNotHeld(values);
    const rows = await client.$queryRawUnsafe<LinkRow[]>(
      `${this.select} WHERE ${where} ORDER BY integration_link.created_at, integration_link.id`,
      ...values,
    );
    return rows.map(linkOf);
  }
}

function linkOf({ metadata, createdAt, updatedAt, ...row }: LinkRow): IntegrationLink {
  return {
    ...row,
    metadata: JSON.parse(metadata) as Record<string, unknown>,
    createdAt: timeOf(createdAt),
    updatedAt: timeOf(updatedAt),
  };
}

function valuesOf(end: IntegrationLinkEnd): string[] {
  return [end.module, end.entityType, end.entityId];
}

function fromSource(first: number): string {
  return `(source_module, source_entity_type, source_entity_id) = ($${first}, $${first + 1}, $${first + 2})`;
}

function fromTarget(first: number): string {
  return `(target_module, target_entity_type, target_entity_id) = ($${first}, $${first + 1}, $${first + 2})`;
}
