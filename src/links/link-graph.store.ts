import { Injectable } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import { epochText } from '../database/sql/epoch-text.store.js';
import { timeOf } from '../database/wire/plain-values.js';
import type { IntegrationLinkEnd } from './integration-link.js';
import type { LinkEdge } from './link-graph.js';

type EdgeRow = Omit<LinkEdge, 'createdAt'> & { readonly createdAt: string };

/**
 * Reads the links around entities. It uses the connections of admins, so it sees committed links only.
 */
@Injectable()
export class LinkGraphStore {
  private readonly sql: string;

  constructor(private readonly db: AdminDatabase) {
    const table = db.tables.integrationLink;
    const columns = `id::text AS id, source_module AS "sourceModule", source_entity_type AS "sourceEntityType", source_entity_id AS "sourceEntityId",
      target_module AS "targetModule", target_entity_type AS "targetEntityType", target_entity_id AS "targetEntityId",
      link_type AS "linkType", ${epochText('created_at')} AS "createdAt"`;
    const around = (end: 'source' | 'target') =>
      `(SELECT ${columns} FROM ${table} WHERE ${end}_module = node.module AND ${end}_entity_type = node.type AND ${end}_entity_id = node.id LIMIT $4::int)`;
    // Each entity is looked up by itself, so that the indexes are used however many links there are.
    this.sql = `SELECT edge.* FROM unnest($1::text[], $2::text[], $3::text[]) AS node(module, type, id)
      CROSS JOIN LATERAL (${around('source')} UNION ALL ${around('target')}) AS edge LIMIT $4::int`;
  }

  /** Links that begin or end at one of these entities, at most `limit`. */
  async findAround(ends: readonly IntegrationLinkEnd[], limit: number): Promise<LinkEdge[]> {
    const rows = await this.db.query<EdgeRow>(this.sql, [
      ends.map(({ module }) => module),
      ends.map(({ entityType }) => entityType),
      ends.map(({ entityId }) => entityId),
      limit,
    ]);
    return rows.map(({ createdAt, ...row }) => ({ ...row, createdAt: timeOf(createdAt) }));
  }
}
