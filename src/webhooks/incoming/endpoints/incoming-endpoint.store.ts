import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import type { SecretName, SecretWithKey } from '../../../secrets/secret.store.js';
import { SECRET_COLUMNS, VALID_SECRET } from '../../../secrets/secret.store.js';
import type { EndpointRow, IncomingEndpointFilter, IncomingEndpointStatus } from './incoming-endpoint.js';

/** The secret of an endpoint. */
export function secretOf({ id, tenantId }: Pick<EndpointRow, 'id' | 'tenantId'>): SecretName {
  return { tenantId, ownerType: OWNER_TYPE, ownerId: id, name: SECRET_NAME };
}

const OWNER_TYPE = 'webhook_inbound';
const SECRET_NAME = 'signing';

const COLUMNS = `i.id, i.tenant_id AS "tenantId", i.source, i.external_id AS "externalId", i.connection_id AS "connectionId", i.status, i.created_at AS "createdAt"`;

/** The endpoints of tenants. Every change holds the row of its endpoint, so changes of one take turns. */
export class IncomingEndpointStore {
  private readonly table: string;
  private readonly sealed: string;
  private readonly ofRequests: string;

  constructor(private readonly db: EngineDatabase) {
    const { webhookInbound, integrationSecret, integrationDataKey } = db.tables;
    this.table = webhookInbound;
    this.sealed = `(${integrationSecret} s JOIN ${integrationDataKey} k ON k.id = s.data_key_id)
      ON s.tenant_id = i.tenant_id AND s.owner_type = '${OWNER_TYPE}' AND s.owner_id = i.id::text
        AND s.name = '${SECRET_NAME}' AND ${VALID_SECRET}`;
    this.ofRequests = `SELECT i.id AS "endpointId", i.tenant_id AS "ofTenant", i.source, i.status, i.connection_id AS "connectionId", ${SECRET_COLUMNS}
      FROM ${this.table} i LEFT JOIN ${this.sealed}
      WHERE i.id = ANY($1::uuid[]) ORDER BY i.id, s.version DESC`;
  }

  /**
   * The endpoints of requests, with their secrets and the keys of these, as all of it is at one moment. So a
   * change of a secret is seen whole or not at all.
   */
  async ofIds(ids: readonly string[]): Promise<Map<string, EndpointOfRequest>> {
    const rows = await this.db.queryNamed<RowOfRequest>('integration_webhook_endpoints', this.ofRequests, [
      ids,
    ]);
    const found = new Map<string, EndpointOfRequest & { secrets: SecretWithKey[] }>();
    for (const { endpointId: id, ofTenant: tenantId, source, status, connectionId, ...secret } of rows) {
      const known = found.get(id) ?? { id, tenantId, source, status, connectionId, secrets: [] };
      if (secret.id !== null) known.secrets.push(secret as SecretWithKey);
      found.set(id, known);
    }
    return found;
  }

  async find(tenantId: string, id: string): Promise<EndpointRow | undefined> {
    const [row] = await this.db.query<EndpointRow>(
      `SELECT ${COLUMNS} FROM ${this.table} i WHERE i.tenant_id = $1 AND i.id = $2`,
      [tenantId, id],
    );
    return row;
  }

  /** An endpoint of any tenant. */
  async ofId(id: string): Promise<EndpointRow | undefined> {
    const [row] = await this.db.query<EndpointRow>(`SELECT ${COLUMNS} FROM ${this.table} i WHERE i.id = $1`, [
      id,
    ]);
    return row;
  }

  /** Holds the row until the end of the transaction. */
  async lock(session: EngineSession, tenantId: string, id: string): Promise<EndpointRow | undefined> {
    const [row] = await session.query<EndpointRow>(
      `SELECT ${COLUMNS} FROM ${this.table} i WHERE i.tenant_id = $1 AND i.id = $2 FOR UPDATE`,
      [tenantId, id],
    );
    return row;
  }

  async add(
    session: EngineSession,
    { id, tenantId, source, externalId, connectionId, status }: Omit<EndpointRow, 'createdAt'>,
  ): Promise<EndpointRow> {
    const [row] = await session.query<EndpointRow>(
      `INSERT INTO ${this.table} AS i (id, tenant_id, source, external_id, connection_id, status)
       VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${COLUMNS}`,
      [id, tenantId, source, externalId, connectionId, status],
    );
    return row as EndpointRow;
  }

  async setStatus(session: EngineSession, id: string, status: IncomingEndpointStatus): Promise<void> {
    await session.query(`UPDATE ${this.table} SET status = $2 WHERE id = $1`, [id, status]);
  }

  async remove(session: EngineSession, id: string): Promise<void> {
    await session.query(`DELETE FROM ${this.table} WHERE id = $1`, [id]);
  }

  /** The endpoints of a connection, in the order of their creation. Whoever changes them holds its row. */
  ofConnection(
    db: Pick<EngineDatabase, 'query'>,
    tenantId: string,
    connectionId: string,
  ): Promise<EndpointRow[]> {
    return db.query<EndpointRow>(
      `SELECT ${COLUMNS} FROM ${this.table} i WHERE i.tenant_id = $1 AND i.connection_id = $2 ORDER BY i.id`,
      [tenantId, connectionId],
    );
  }

  async setStatusOf(
    session: EngineSession,
    tenantId: string,
    connectionId: string,
    status: IncomingEndpointStatus,
  ): Promise<void> {
    await session.query(
      `UPDATE ${this.table} SET status = $3 WHERE tenant_id = $1 AND connection_id = $2 AND status <> $3`,
      [tenantId, connectionId, status],
    );
  }

  /** Removes the endpoints of a connection. Resolves to what they were, because their secrets go as well. */
  removeOf(session: EngineSession, tenantId: string, connectionId: string): Promise<EndpointRow[]> {
    return session.query<EndpointRow>(
      `DELETE FROM ${this.table} i WHERE i.tenant_id = $1 AND i.connection_id = $2 RETURNING ${COLUMNS}`,
      [tenantId, connectionId],
    );
  }

  /** The endpoints behind an id, in the order of their creation. Without a tenant, those of all tenants. */
  page(
    tenantId: string | undefined,
    { source, status }: IncomingEndpointFilter,
    after: string | undefined,
    limit: number,
  ): Promise<EndpointRow[]> {
    return this.db.query<EndpointRow>(
      `SELECT ${COLUMNS} FROM ${this.table} i
       WHERE ($1::text IS NULL OR i.tenant_id = $1) AND ($2::text IS NULL OR i.source = $2)
         AND ($3::text IS NULL OR i.status = $3) AND ($4::uuid IS NULL OR i.id > $4)
       ORDER BY i.id LIMIT $5`,
      [tenantId ?? null, source ?? null, status ?? null, after ?? null, limit],
    );
  }

  /** Active endpoints that have no secret, so that no delivery can be verified. */
  withoutSecret(limit: number): Promise<EndpointRow[]> {
    return this.db.query<EndpointRow>(
      `SELECT ${COLUMNS} FROM ${this.table} i LEFT JOIN ${this.sealed}
       WHERE i.status = 'active' AND s.id IS NULL ORDER BY i.id LIMIT $1`,
      [limit],
    );
  }
}

/** A row for each secret of an endpoint, or one row without a secret. */
type RowOfRequest = {
  readonly endpointId: string;
  readonly ofTenant: string;
  readonly source: string;
  readonly status: IncomingEndpointStatus;
  readonly connectionId: string | null;
} & (SecretWithKey | { readonly [K in keyof SecretWithKey]: null });

/** What a request is verified with, and whose it is. */
export interface EndpointOfRequest
  extends Pick<EndpointRow, 'id' | 'tenantId' | 'source' | 'status' | 'connectionId'> {
  readonly secrets: readonly SecretWithKey[];
}
