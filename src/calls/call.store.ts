import type { SqlClient } from '../database/clients/sql-client.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { CallCaller, CallError, CallStatus, ReportPhase } from './external-call.js';

/** What the events of a call inherit. */
export type CallMetadata = Readonly<Record<string, string>>;

/** A call as it is stored. */
export interface StoredCall {
  readonly id: string;
  readonly tenantId: string;
  readonly type: string;
  readonly group: string;
  readonly target: string;
  readonly subjectType: string | null;
  readonly subjectId: string | null;
  readonly status: CallStatus;
  readonly request: unknown;
  readonly result: unknown;
  readonly error: CallError | null;
  readonly externalId: string | null;
  readonly attempt: number;
  readonly ownerToken: string | null;
  readonly crashes: number;
  readonly isUnknown: boolean;
  readonly polls: number;
  readonly failures: number;
  readonly lastError: string | null;
  readonly caller: CallCaller | null;
  readonly metadata: CallMetadata;
  readonly cancelReason: string | null;
}

/** A call that is written for the first time. */
export interface NewCall
  extends Pick<
    StoredCall,
    'id' | 'tenantId' | 'type' | 'group' | 'target' | 'subjectType' | 'subjectId' | 'caller' | 'metadata'
  > {
  /** JSON. */
  readonly request: string;
  readonly idempotencyKey: string | null;
  readonly deadlineMs: number;
}

/** What changes of a call. `dueInMs`: null for never; undefined for when it is due already. */
export interface CallChange
  extends Pick<
    StoredCall,
    | 'status'
    | 'externalId'
    | 'result'
    | 'error'
    | 'attempt'
    | 'ownerToken'
    | 'isUnknown'
    | 'polls'
    | 'failures'
    | 'lastError'
    | 'cancelReason'
  > {
  readonly dueInMs: number | null | undefined;
}

/** What was heard of a call, as it is kept. */
export interface NewReport {
  readonly callId: string | null;
  readonly tenantId: string;
  readonly type: string;
  readonly externalId: string | null;
  readonly phase: ReportPhase;
  readonly source: string;
  readonly data: unknown;
  readonly applied: boolean;
}

/** What another system calls a call. */
export interface ExternalName {
  readonly tenantId: string;
  readonly type: string;
  readonly externalId: string;
}

export interface WaitingReport {
  readonly id: string;
  readonly phase: ReportPhase;
  readonly data: unknown;
}

const IN_MS = `interval '1 millisecond'`;

/** The row of a call as JSON. */
interface CallJson {
  readonly id: string;
  readonly tenant_id: string;
  readonly type: string;
  readonly group_key: string;
  readonly target: string;
  readonly subject_type: string | null;
  readonly subject_id: string | null;
  readonly status: CallStatus;
  readonly request: unknown;
  readonly result: unknown;
  readonly error: CallError | null;
  readonly external_id: string | null;
  readonly attempt: number;
  readonly owner_token: string | null;
  readonly crashes: number;
  readonly is_unknown: boolean;
  readonly polls: number;
  readonly failures: number;
  readonly last_error: string | null;
  readonly caller: CallCaller | null;
  readonly metadata: CallMetadata;
  readonly cancel_reason: string | null;
}

/*
 * Why no report is lost between its coming and the external id of its call.
 *
 * Whoever makes an external id known, and whoever brings a report for one, takes the advisory lock of tenant,
 * type and id first, in a statement of its own, and looks in later statements. In READ COMMITTED these see
 * what was committed when they began, also within one function that is VOLATILE. So one of the two comes
 * first:
 *
 *   - The report. Its row waits, is committed with the lock, and whoever makes the id known finds it.
 *   - The id. It is committed with the lock, and the report finds the call.
 *
 * Why nobody waits in a circle: the row of a call is locked first where it is known, and the advisory lock
 * then. Only a report that names an external id takes the advisory lock first, and it then locks the row only
 * if the row has this id already. Nobody who has that row asks for this advisory lock, because an id is made
 * known once.
 */

/**
 * Reads and writes calls in the transaction of whoever tells something of them: the application's or the
 * engine's. Everything goes to the client as text.
 */
export class CallStore {
  private readonly call: string;
  private readonly report: string;
  private readonly schema: string;
  private readonly functions: Readonly<Record<'begin' | 'write', string>>;

  constructor({ tables, schema }: Pick<EngineDatabase, 'tables' | 'schema'>) {
    this.call = tables.externalCall;
    this.report = tables.externalCallReport;
    this.schema = schema;
    this.functions = { begin: tables.callBegin, write: tables.callWrite };
  }

  /** Writes a call. False if there is one of this idempotency key. */
  async create(client: SqlClient, call: NewCall): Promise<boolean> {
    const rows = await client.$queryRawUnsafe<unknown[]>(
      `INSERT INTO ${this.call} (id, tenant_id, type, group_key, target, subject_type, subject_id, request, idempotency_key,
         caller, metadata, deadline_at, due_at)
       SELECT n."id", n."tenantId", n."type", n."group", n."target", n."subjectType", n."subjectId", $2::text::jsonb, n."idempotencyKey",
         n."caller", n."metadata", clock_timestamp() + n."deadlineMs" * ${IN_MS}, clock_timestamp()
       FROM jsonb_to_record($1::text::jsonb) AS n ("id" uuid, "tenantId" text, "type" text, "group" text, "target" uuid,
         "subjectType" text, "subjectId" text, "idempotencyKey" text, "caller" jsonb, "metadata" jsonb, "deadlineMs" float8)
       ON CONFLICT (tenant_id, type, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
       RETURNING id::text AS id`,
      JSON.stringify({ ...call, request: undefined }),
      call.request,
    );
    return rows.length > 0;
  }

  /** The id of the call with an idempotency key. */
  async idOfKey(
    client: SqlClient,
    { tenantId, type, idempotencyKey }: Pick<NewCall, 'tenantId' | 'type' | 'idempotencyKey'>,
  ): Promise<string | undefined> {
    const [row] = await client.$queryRawUnsafe<{ id: string }[]>(
      `SELECT id::text AS id FROM ${this.call} WHERE tenant_id = $1 AND type = $2 AND idempotency_key = $3`,
      tenantId,
      type,
      idempotencyKey,
    );
    return row?.id;
  }

  /** Finds a call, and locks its row until the transaction ends. */
  async lock(client: SqlClient, id: string): Promise<StoredCall | undefined> {
    const [row] = await client.$queryRawUnsafe<{ call: string }[]>(
      `SELECT to_json(c)::text AS call FROM ${this.call} c WHERE c.id = $1::text::uuid FOR NO KEY UPDATE`,
      id,
    );
    return row && callOf(row.call);
  }

  /** The same for the call that another system calls so. It takes the advisory lock first, and looks then. */
  async lockNamed(client: SqlClient, name: ExternalName): Promise<StoredCall | undefined> {
    const { tenantId, type, externalId } = name;
    const [row] = await client.$queryRawUnsafe<{ call: string | null }[]>(
      `SELECT ${this.functions.begin}($1::text, $2::text, $3::text, $4::text) AS call`,
      this.lockOf(name),
      tenantId,
      type,
      externalId,
    );
    return row === undefined || row.call === null ? undefined : callOf(row.call);
  }

  /** Takes the advisory lock of an external id. It looks at no row, see above. */
  async lockName(client: SqlClient, name: ExternalName): Promise<void> {
    await client.$queryRawUnsafe(
      `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text AS locked`,
      this.lockOf(name),
    );
  }

  /** Whether a call has this external id. */
  async isTaken(client: SqlClient, { tenantId, type, externalId }: ExternalName): Promise<boolean> {
    const rows = await client.$queryRawUnsafe<unknown[]>(
      `SELECT id::text AS id FROM ${this.call} WHERE tenant_id = $1 AND type = $2 AND external_id = $3`,
      tenantId,
      type,
      externalId,
    );
    return rows.length > 0;
  }

  /**
   * Takes a call to run it, and counts the attempt if it is to be started. Undefined if it has ended, or
   * somebody else has taken it. A statement of its own: the count is committed before the other system hears
   * of the call.
   */
  async claim(
    client: SqlClient,
    { id, ownerToken, attempt }: Pick<StoredCall, 'id' | 'ownerToken' | 'attempt'>,
    token: string,
  ): Promise<StoredCall | undefined> {
    const [row] = await client.$queryRawUnsafe<{ call: string }[]>(
      `UPDATE ${this.call} AS c SET owner_token = $4::text::uuid, attempt = attempt + (CASE WHEN status = 'requested' THEN 1 ELSE 0 END),
         crashes = crashes + (CASE WHEN owner_token IS NULL THEN 0 ELSE 1 END), changed_at = clock_timestamp()
       WHERE id = $1::text::uuid AND owner_token IS NOT DISTINCT FROM $2::text::uuid AND attempt = $3::text::int
         AND due_at <= clock_timestamp()
       RETURNING to_json(c)::text AS call`,
      id,
      ownerToken,
      String(attempt),
      token,
    );
    return row && callOf(row.call);
  }

  /**
   * Keeps what was heard, and writes what has changed of a call whose row is locked. If a report has changed
   * nothing and is the last one once more, it is counted there.
   */
  async write(
    client: SqlClient,
    reports: readonly NewReport[],
    change?: CallChange & Pick<StoredCall, 'id'>,
  ): Promise<void> {
    await client.$queryRawUnsafe<unknown[]>(
      `SELECT ${this.functions.write}($1::text::jsonb) AS written`,
      JSON.stringify({ reports, change: change === undefined ? null : changeJson(change) }),
    );
  }

  /** The reports that have waited for this external id, in the order in which they came. */
  async waiting(client: SqlClient, { tenantId, type, externalId }: ExternalName): Promise<WaitingReport[]> {
    const rows = await client.$queryRawUnsafe<{ report: string }[]>(
      `SELECT jsonb_build_object('id', id::text, 'phase', phase, 'data', data)::text AS report FROM ${this.report}
       WHERE tenant_id = $1 AND type = $2 AND external_id = $3 AND call_id IS NULL ORDER BY id FOR UPDATE`,
      tenantId,
      type,
      externalId,
    );
    return rows.map(({ report }) => JSON.parse(report) as WaitingReport);
  }

  /** Gives a report that has waited to its call. */
  async adopt(client: SqlClient, id: string, callId: string, applied: boolean): Promise<void> {
    await client.$executeRawUnsafe(
      `UPDATE ${this.report} SET call_id = $2::text::uuid, applied = $3::text::boolean WHERE id = $1::text::bigint`,
      id,
      callId,
      String(applied),
    );
  }

  private lockOf({ tenantId, type, externalId }: ExternalName): string {
    return JSON.stringify([this.schema, 'call', tenantId, type, externalId]);
  }
}

function changeJson({ dueInMs, ...change }: CallChange & Pick<StoredCall, 'id'>): object {
  return {
    ...change,
    dueInMs: dueInMs ?? null,
    keepsDue: dueInMs === undefined,
    hasEnded: change.status !== 'requested' && change.status !== 'processing',
  };
}

function callOf(text: string): StoredCall {
  const row = JSON.parse(text) as CallJson;
  const { id, type, target, status, request, result, error, attempt, crashes, polls, failures } = row;
  return {
    id,
    tenantId: row.tenant_id,
    type,
    group: row.group_key,
    target,
    subjectType: row.subject_type,
    subjectId: row.subject_id,
    status,
    request,
    result,
    error,
    externalId: row.external_id,
    attempt,
    ownerToken: row.owner_token,
    crashes,
    isUnknown: row.is_unknown,
    polls,
    failures,
    lastError: row.last_error,
    caller: row.caller,
    metadata: row.metadata,
    cancelReason: row.cancel_reason,
  };
}
