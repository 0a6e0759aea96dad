import type { TransactionalSqlClient } from '../database/clients/sql-client.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { inSchema } from '../database/sql/tables.js';
import { answerWithin } from '../database/wire/answer-within.js';
import { IntegrationError, messageOf } from '../errors.js';
import { OutboxLogStore } from '../log/outbox-log.store.js';
import type { Found } from './finding.js';
import { SchemaHealthStore } from './schema-health.store.js';
import { type DatabaseIdentity, ServerFitnessStore } from './server-fitness.store.js';

/** The same limit as for the other checks of the client. */
const LOOK_WITHIN_MS = 5_000;

/** Why this server, or this role on it, cannot be used. */
export type Unfitness = Found & {
  readonly code: 'INTEGRATION_DATABASE_UNSUPPORTED' | 'INTEGRATION_ROW_SECURITY';
};

/**
 * Checks what delivery relies on and what no version number tells. The sweep's query must show who writes to
 * the log, positions must be handed out in order, and no row of the log may be hidden.
 */
export class ServerFitness {
  private readonly store: ServerFitnessStore;

  constructor(private readonly db: EngineDatabase) {
    this.store = new ServerFitnessStore(db);
  }

  /** Throws the first problem that it finds. */
  async require(): Promise<void> {
    const problem = (await this.hiddenRows()) ?? (await this.positions()) ?? (await this.writersUnseen());
    if (problem === undefined) return;
    const { code, finding, meaning, fix, details } = problem;
    throw new IntegrationError(code, `${finding} ${meaning} ${fix}`, details);
  }

  async hiddenRows(): Promise<Unfitness | undefined> {
    const tables = await this.store.tablesWithPolicies();
    if (tables.length === 0) return undefined;
    const role = await this.store.role();
    return {
      code: 'INTEGRATION_ROW_SECURITY',
      finding: `Row-level security applies to role ${role} on ${tables.map((name) => inSchema(this.db.schema, name)).join(', ')}.`,
      meaning:
        'An event that a policy hides would be passed over for good, so the engine refuses to read such tables (row_security = off).',
      fix: `Give the role of connectionString the right to see all rows: ALTER ROLE ${role} BYPASSRLS; or make it the owner of the tables without FORCE ROW LEVEL SECURITY; or disable row-level security on them.`,
      details: { role, tables },
    };
  }

  /** A sequence that hands out positions in advance gives old positions to later transactions. */
  async positions(): Promise<Unfitness | undefined> {
    const { sequence, cache, increment, cycle } = await new SchemaHealthStore(this.db).positionSource();
    if (sequence === null || (cache === 1 && increment === 1 && cycle !== true)) return undefined;
    return {
      code: 'INTEGRATION_DATABASE_UNSUPPORTED',
      finding: `The sequence of outbox_event.position has CACHE ${cache}, INCREMENT ${increment}${cycle ? ', CYCLE' : ''}.`,
      meaning:
        'Sessions that keep positions in store hand out old ones after others have passed them, and such events are lost without a trace.',
      fix: `Run: ALTER SEQUENCE ${sequence} CACHE 1 INCREMENT 1 NO CYCLE; then let every session that has published reconnect.`,
      details: { sequence, cache, increment, cycle },
    };
  }

  /** Tries it: a session writes, and the query that the sweep of holes relies on must show that session. */
  async writersUnseen(): Promise<Unfitness | undefined> {
    const isDistributed = await this.store.isDistributed();
    const look = new OutboxLogStore(this.db);
    const probe = isDistributed ? undefined : await this.store.asWriter(() => look.readWriters());
    if (!isDistributed) {
      if (probe === undefined) return undefined;
      const { found, virtualTransaction } = probe;
      const isSeen = found.some((each) => each.virtualTransaction === virtualTransaction && !each.prepared);
      if (isSeen) return undefined;
    }
    return {
      code: 'INTEGRATION_DATABASE_UNSUPPORTED',
      finding: isDistributed
        ? 'The log is a distributed table of Citus.'
        : 'A transaction that writes to the log does not show in pg_locks as Postgres shows it.',
      meaning:
        'Which transactions may still commit events cannot be told then, and their events would be lost.',
      fix: isDistributed
        ? `Keep the tables of schema "${this.db.schema}" local to one server: SELECT undistribute_table('${this.db.tables.outboxEvent}').`
        : 'Use a Postgres of version 14 or newer, directly and not through something that imitates it; and let nothing in the search_path hide pg_locks.',
      details: { distributed: isDistributed },
    };
  }

  /**
   * Throws INTEGRATION_CLIENT_ELSEWHERE if the host's client writes to another database than the engine
   * reads, and INTEGRATION_DATABASE_READ_ONLY if its transactions only read.
   */
  async requireSameDatabase(client: TransactionalSqlClient): Promise<void> {
    const [engine, host] = await Promise.all([
      this.store.databaseOfEngine(),
      client.$transaction((transaction) => this.store.databaseOf(transaction)),
    ]);
    if (engine === undefined || !isIdentity(host)) return;
    if (isSame(engine, host)) {
      refuseReadOnlyClient(host);
      return;
    }
    throw new IntegrationError(
      'INTEGRATION_CLIENT_ELSEWHERE',
      `The host's client and the engine are connected to different databases: the client to ${described(host)}, the engine (connectionString or DATABASE_URL) to ${described(engine)}. Events would be written where nobody reads them. Give both the same database`,
      { client: { ...host }, engine: { ...engine } },
    );
  }
}

/** If the client's server does not answer now, resolves to the reason why the check could not be made. */
export async function refuseClientElsewhere(
  fitness: ServerFitness,
  client: TransactionalSqlClient,
): Promise<string | undefined> {
  try {
    await answerWithin(LOOK_WITHIN_MS, fitness.requireSameDatabase(client));
    return undefined;
  } catch (error) {
    if (error instanceof IntegrationError) throw error;
    return messageOf(error);
  }
}

/** The engine's own sessions were asked when they began. Those of the client may have other defaults. */
function refuseReadOnlyClient(host: DatabaseIdentity): void {
  if (host.onlyReads !== true) return;
  throw new IntegrationError(
    'INTEGRATION_DATABASE_READ_ONLY',
    `The transactions of the host's client only read, so it can publish nothing: default_transaction_read_only is on in its sessions, and not in those of the engine. Look at the URL of the client (options=-c default_transaction_read_only=on), and at the settings of its role: ALTER ROLE … RESET default_transaction_read_only`,
    { client: { ...host } },
  );
}

function isSame(one: DatabaseIdentity, other: DatabaseIdentity): boolean {
  return (
    one.oid === other.oid &&
    one.name === other.name &&
    Number(one.started) === Number(other.started) &&
    one.recovering === other.recovering
  );
}

function described({ name, address, recovering }: DatabaseIdentity): string {
  return `"${name}" at ${address ?? 'a local socket'}${recovering ? ', a standby that cannot be written to' : ''}`;
}

/** A client may return anything. */
function isIdentity(value: unknown): value is DatabaseIdentity {
  return typeof value === 'object' && value !== null && 'oid' in value && 'started' in value;
}
