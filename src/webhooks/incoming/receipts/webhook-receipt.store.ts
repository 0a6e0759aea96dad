import { OwnSqlClient } from '../../../database/clients/own-sql-client.js';
import type { SqlClient } from '../../../database/clients/sql-client.js';
import { untraced } from '../../../database/clients/untraced.js';
import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { asOneValue, type LogEntry } from '../../../log/log-entry.js';
import { refuseWhatIsNotHeld } from '../../../log/narrow-entry.js';
import type { ReceivedWebhook } from './received-webhook.js';

/** What became of a delivery. */
export type Receipt =
  | { readonly status: 'accepted'; readonly position: number; readonly outboxEventId: string }
  /** It came before. `outboxEventId` is the event of the first time. */
  | { readonly status: 'repeated'; readonly outboxEventId: string | undefined }
  /** Its body came before under another id, and the source refuses that. */
  | { readonly status: 'rejected' };

/** What `once` claims. */
export interface Claim {
  readonly source: string;
  readonly tenantId: string;
  /** SHA-256 in hex. */
  readonly keyHash: string;
  /** SHA-256 in hex of a body that is refused if it came before under another key. */
  readonly bodyHash?: string | undefined;
}

/** `rejected`: the body came before under another key. */
export type Claimed = 'first' | 'duplicate' | 'rejected';

/** Writes receipts, the bytes of bodies, and with them the events. */
export class WebhookReceiptStore {
  private readonly receive: string;
  private readonly receiveAsText: string;
  private readonly claiming: string;
  private readonly lockingBody: string;
  private readonly claimingBody: string;
  private readonly claimed: string;
  private readonly body: string;
  private readonly outdated: string;
  private readonly withoutEvent: string;

  constructor(private readonly db: EngineDatabase) {
    const { webhookReceipt, webhookBody, receiveWebhook, outboxEvent } = db.tables;
    this.receive = `CALL ${receiveWebhook}($1, NULL)`;
    this.receiveAsText = `CALL ${receiveWebhook}($1::text::jsonb, NULL)`;
    this.claiming = `INSERT INTO ${webhookReceipt} (source, tenant_id, key_hash) VALUES ($1, $2, decode($3, 'hex'))
      ON CONFLICT (source, tenant_id, key_hash) DO NOTHING`;
    // The lock is that of the procedure which receives webhooks.
    this.lockingBody = `SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', 'webhook body', $1::text, $2::text, $3::text), 0))::text AS locked`;
    this.claimingBody = `INSERT INTO ${webhookReceipt} (source, tenant_id, key_hash, body_hash)
      SELECT $1::text, $2::text, decode($3::text, 'hex'), decode($4::text, 'hex') WHERE NOT EXISTS (
        SELECT FROM ${webhookReceipt} r WHERE r.source = $1::text AND r.body_hash = decode($4::text, 'hex') AND r.tenant_id = $2::text
          AND r.key_hash <> decode($3::text, 'hex'))
      ON CONFLICT (source, tenant_id, key_hash) DO NOTHING`;
    this.claimed = `SELECT EXISTS (
      SELECT FROM ${webhookReceipt} WHERE source = $1::text AND tenant_id = $2::text AND key_hash = decode($3::text, 'hex')) AS known`;
    this.body = `SELECT content_type AS "contentType", encode(bytes, 'base64') AS base64 FROM ${webhookBody} WHERE outbox_event_id = $1`;
    this.outdated = `DELETE FROM ${webhookReceipt} WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM ${webhookReceipt} WHERE received_at < (SELECT clock_timestamp() - $1 * interval '1 day') LIMIT $2))
      RETURNING 1`;
    // OFFSET 0 makes Postgres look for the event of each body by its id, instead of reading the log.
    this.withoutEvent = `WITH page AS MATERIALIZED (
        SELECT outbox_event_id AS id FROM ${webhookBody} WHERE outbox_event_id > $1::uuid ORDER BY outbox_event_id LIMIT $2
      ), deleted AS (
        DELETE FROM ${webhookBody} WHERE outbox_event_id = ANY (ARRAY(
          SELECT p.id FROM page p WHERE NOT EXISTS (SELECT FROM ${outboxEvent} e WHERE e.id = p.id OFFSET 0)))
      )
      SELECT count(*) AS seen, (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last FROM page`;
  }

  /** Takes a delivery in one statement: receipt, event and body are committed together, or none of them. */
  async accept(client: SqlClient, delivery: ReceivedWebhook, entry: LogEntry): Promise<Receipt> {
    if (this.db.narrowText !== undefined) refuseWhatIsNotHeld(entry, this.db.narrowText);
    const { source, tenantId, keyHash, bodyHash, repeatedBody, endpointId, contentType, bytes } = delivery;
    const receipt = [
      source,
      tenantId,
      keyHash,
      bodyHash,
      repeatedBody ?? null,
      endpointId ?? null,
      contentType ?? null,
      bytes?.toString('base64') ?? null,
    ];
    const value = `[${JSON.stringify(receipt)},${asOneValue(entry)}]`;
    return receiptOf(await this.call(client, value), entry.id);
  }

  private async call(client: SqlClient, value: string): Promise<unknown> {
    if (OwnSqlClient.is(client)) {
      const statement = { name: 'integration_receive_webhook', sql: this.receive, value };
      return client.queryValue(statement, 'outcome');
    }
    const [row] = await untraced(() =>
      client.$queryRawUnsafe<{ outcome: unknown }[]>(this.receiveAsText, value),
    );
    return row?.outcome;
  }

  /**
   * Claims a key in the transaction of the caller. Another transaction that claims the same key at this
   * moment is waited for. If it rolls back, the key is free.
   *
   * With a body it also waits for transactions that bring the same body. The lock is taken by a statement of
   * its own, because the INSERT must see what the one that was waited for has committed.
   */
  async claim(client: SqlClient, { source, tenantId, keyHash, bodyHash }: Claim): Promise<Claimed> {
    if (bodyHash === undefined) {
      const count = await client.$executeRawUnsafe(this.claiming, source, tenantId, keyHash);
      return count === 1 ? 'first' : 'duplicate';
    }
    await client.$queryRawUnsafe(this.lockingBody, source, tenantId, bodyHash);
    const count = await client.$executeRawUnsafe(this.claimingBody, source, tenantId, keyHash, bodyHash);
    if (count === 1) return 'first';
    const [row] = await client.$queryRawUnsafe<{ known: boolean }[]>(this.claimed, source, tenantId, keyHash);
    return row?.known === true ? 'duplicate' : 'rejected';
  }

  /** The body of an event, if it is kept as bytes. */
  async bodyOf(outboxEventId: string): Promise<{ contentType: string | null; bytes: Buffer } | undefined> {
    const [row] = await this.db.query<{ contentType: string | null; base64: string }>(this.body, [
      outboxEventId,
    ]);
    return row && { contentType: row.contentType, bytes: Buffer.from(row.base64, 'base64') };
  }

  /**
   * Deletes receipts that are older than `days`, at most `limit` of them. Returns how many they were. The
   * planner takes a third of the receipts to be old, and would read all of them where none is. So the
   * transaction of the session reads no table from its beginning to its end any more.
   */
  async deleteOutdated(session: EngineSession, days: number, limit: number): Promise<number> {
    await session.query('SET LOCAL enable_seqscan = off');
    return (await session.query(this.outdated, [days, limit])).length;
  }

  /**
   * Looks at the bodies behind the one of this event, at most `limit` of them, and deletes those whose event
   * is not in the log any more. Returns where to go on, or undefined if there are no more.
   */
  async deleteWithoutEvent(
    session: EngineSession,
    after: string,
    limit: number,
  ): Promise<string | undefined> {
    const [row] = await session.query<{ seen: number; last: string | null }>(this.withoutEvent, [
      after,
      limit,
    ]);
    return row === undefined || row.seen < limit ? undefined : (row.last ?? undefined);
  }
}

function receiptOf(outcome: unknown, outboxEventId: string): Receipt {
  const text = String(outcome);
  if (text === 'rejected') return { status: 'rejected' };
  if (text.startsWith('repeated'))
    return { status: 'repeated', outboxEventId: text.slice('repeated '.length) || undefined };
  return { status: 'accepted', position: Number(text), outboxEventId };
}
