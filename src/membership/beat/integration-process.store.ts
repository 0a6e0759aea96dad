import { Injectable } from '@nestjs/common';
import type { EngineConnection } from '../../database/connection/engine-connection.js';
import { EngineDatabase } from '../../database/engine-database.js';
import { backendGone } from '../../database/sql/backend-gone.store.js';
import { UnusableConnection } from '../../database/wire/unusable-connection.js';
import type { CursorKey } from '../../inbox/inbox-status.js';
import { cursorPartsOfBeat } from './cursor-beat.store.js';
import { type LeasesAsked, type LeasesSeen, leasePartsOfBeat } from './lease-beat.store.js';
import type { LongAttempt, SelfReport } from './self-report.js';

/** One cursor as the heartbeat sees it. */
export interface CursorSnapshot extends CursorKey {
  readonly partitions: number;
  readonly eventNames: string[];
  readonly leaseOwner: string | null;
  readonly leaseToken: string | null;
  readonly expired: boolean;
  /** Milliseconds until the lease runs out as it was before this beat. Null if another process has it. */
  readonly leaseLeftMs: number | null;
  /**
   * True when nobody may work on the cursor. Either an admin paused it, or its number of partitions is about
   * to change.
   */
  readonly paused: boolean;
  /** True when positions were put back that the owner has not taken up yet. */
  readonly replayed: boolean;
  /** True while a filtered replay of the consumer is unfinished. */
  readonly replaying: boolean;
  readonly repartitioning: boolean;
  /**
   * True when names were added while the owner works with the old names. The owner must stop reading, say so,
   * and hand over.
   */
  readonly superseded: boolean;
  readonly changedByOthers: number;
  /** Milliseconds until the next inbox row is due. Null when no row will be due. */
  readonly dueInMs: number | null;
}

/** A process that has registered itself. */
export interface ProcessSnapshot {
  readonly id: string;
  readonly consumers: string[];
  /** How many cursors the process holds, including those of consumers that this process does not have. */
  readonly held: number;
  /** True when the process has beaten within the time of a lease. */
  readonly alive: boolean;
  /**
   * True when the backend of its heartbeat connection is no longer on the server. Null when that cannot be
   * judged.
   */
  readonly backendGone: boolean | null;
  /**
   * True when the process signed in during the current run of the server. Then no restart, crash or failover
   * has ended its backend.
   */
  readonly signedInToThisRun: boolean;
}

/** A cursor whose lease has not run out. */
export interface LeaseInForce extends CursorKey {
  readonly owner: string;
  /** Null for a process that is not listed. */
  readonly host: string | null;
  readonly pid: number | null;
  readonly seenAt: Date | null;
  readonly until: Date;
}

/** What one beat reads. */
export interface ClusterSnapshot {
  readonly settings: Record<string, unknown>;
  readonly cursors: CursorSnapshot[];
  readonly processes: ProcessSnapshot[];
  /**
   * Only of a beat that renews: true when handlers were told of events whose positions the sequence seems to
   * have still to hand out.
   */
  readonly sequenceSuspect: boolean | null;
  /** The tokens of this process that were renewed. Null when this beat did not renew. */
  readonly renewed: string[] | null;
  /**
   * Only of a beat that renews: whether it wrote the row of this process. Somebody else may have held it.
   */
  readonly isTold: boolean;
  /** Only of a beat that asked for leases. */
  readonly leases?: LeasesSeen;
}

export interface Beat {
  readonly processId: string;
  /** The consumers for which this process has handlers. The beat reads their cursors. */
  readonly consumers: readonly string[];
  /** The consumers among them that this process could lease. */
  readonly able: readonly string[];
  readonly tokens: readonly string[];
  readonly leaseMs: number;
  /** Whether this beat renews the leases and the process's own sign of life. If not, it only reads. */
  readonly renew: boolean;
  /** What the process says of itself, if the beat renews. */
  readonly report: SelfReport;
  /** What parts say of the process, as JSON, if the beat renews. Null if they say nothing. */
  readonly parts: string | null;
  /** What the beat looks at of the leases of other work. Undefined if the process wants none. */
  readonly leases: LeasesAsked | undefined;
}

/**
 * A consumer whose handlers cannot reach what they need. `since` is in milliseconds of the monotonic clock.
 */
export interface UnavailableConsumer {
  readonly key: CursorKey;
  readonly reason: string;
  readonly since: number;
}

/**
 * The processes of the server itself (checkpointer, WAL writer and others). Any role can see them. When one
 * backend crashes, the server ends all of them and starts new ones, but `pg_postmaster_start_time()` stays
 * the same.
 */
const SERVERS_OWN_PIDS =
  'ARRAY(SELECT pid FROM pg_stat_get_activity(NULL) WHERE datid IS NULL AND usesysid IS NULL)';

/**
 * What other processes can ask of this version. 1 means: it can stop reading when its consumer gains names. A
 * version that can be asked for more has a higher number, and asks only processes that have it (see
 * `docs/decisions/0089`).
 */
const PROTOCOL = 1;

/**
 * SQL of the attempts that have run for long, as the row of the process has them. The clock of the database
 * says when each began, because the clocks of processes differ.
 */
const workingFrom = (parameter: string): string =>
  `(SELECT coalesce(jsonb_agg(each_one - 'ms'
              || jsonb_build_object('since', clock_timestamp() - (each_one ->> 'ms')::float8 * interval '1 millisecond') ORDER BY n), '[]')
            FROM jsonb_array_elements(${parameter}::jsonb) WITH ORDINALITY AS w (each_one, n))`;

const NONE = { renewal: '', column: '' };

/** The live processes, and the one small statement that every beat runs. */
@Injectable()
export class IntegrationProcessStore {
  private readonly process: string;
  private readonly start: string;
  /** The statement of a beat by whether it holds cursors, and looks at leases. */
  private readonly beatSql: readonly [withoutCursors: [string, string], withCursors: [string, string]];

  constructor(private readonly db: EngineDatabase) {
    const { tables } = db;
    this.process = tables.integrationProcess;
    this.start = tables.integrationStart;
    const leases = leasePartsOfBeat(tables);
    const both = (cursors: typeof NONE): [string, string] => [
      this.beatSqlWith(cursors, NONE),
      this.beatSqlWith(cursors, leases),
    ];
    // The role of a publisher may not have the right to change cursors.
    this.beatSql = [both(NONE), both(cursorPartsOfBeat(tables))];
  }

  private beatSqlWith(cursors: typeof NONE, leases: typeof NONE): string {
    const { tables } = this.db;
    return `
      WITH ${cursors.renewal}alive AS (
        UPDATE ${this.process} SET seen_at = clock_timestamp(), consumers = $7::text[], handles = $2::text[], settings = $8::jsonb,
          working = ${workingFrom('$9')}, parts = $10::jsonb
        WHERE id = (SELECT id FROM ${this.process} WHERE id = $1::uuid AND $5::boolean FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING 1
      )${leases.renewal}
      SELECT
        coalesce((SELECT json_object_agg(key, value) FROM ${tables.integrationSetting}), '{}') AS settings,
        coalesce((SELECT json_agg(json_build_object(
          'consumerName', c.consumer_name, 'partition', c.partition, 'partitions', c.partitions, 'eventNames', c.event_names,
          'leaseOwner', c.lease_owner, 'leaseToken', c.lease_token, 'expired', c.lease_expires_at <= clock_timestamp(),
          'leaseLeftMs', CASE WHEN c.lease_token = ANY ($3::uuid[]) THEN extract(epoch FROM c.lease_expires_at - clock_timestamp()) * 1000 END,
          'paused', c.paused_at IS NOT NULL OR c.held_back, 'replayed', NOT isempty(c.replayed),
          'replaying', EXISTS (SELECT 1 FROM ${tables.inboxReplay} r WHERE r.consumer_name = c.consumer_name AND r.finished_at IS NULL),
          'repartitioning', c.repartition_to IS NOT NULL, 'superseded', coalesce(c.superseded_token = c.lease_token, false),
          'changedByOthers', c.changed_by_others,
          'dueInMs', CASE WHEN c.lease_token = ANY ($3::uuid[]) THEN (
            SELECT CASE WHEN min(available_at) = '-infinity' THEN 0
                        ELSE extract(epoch FROM min(available_at) - clock_timestamp()) * 1000 END
            FROM ${tables.inboxEvent} i WHERE i.consumer_name = c.consumer_name AND i.partition = c.partition
              AND i.status IN ('received', 'failed') AND i.available_at < 'infinity') END))
          FROM ${tables.inboxCursor} c WHERE c.consumer_name = ANY ($2::text[])), '[]') AS cursors,
        coalesce((SELECT json_agg(json_build_object(
          'id', p.id, 'consumers', p.consumers,
          'held', (SELECT count(*) FROM ${tables.inboxCursor} h WHERE h.lease_owner = p.id),
          'alive', p.seen_at > clock_timestamp() - $4::float8 * interval '1 millisecond',
          'backendGone', CASE WHEN $6::boolean THEN ${backendGone('p')} END,
          'signedInToThisRun', coalesce(p.server_started = pg_postmaster_start_time() AND p.server_pids && ${SERVERS_OWN_PIDS}, false)))
          FROM ${this.process} p WHERE p.role <> 'publisher'), '[]') AS processes,
        CASE WHEN $5::boolean THEN
          (SELECT max(read_upto) FROM ${tables.inboxCursor})
            > (SELECT CASE WHEN has_sequence_privilege(name, 'USAGE, SELECT') THEN coalesce(pg_sequence_last_value(name::regclass), 0) END
               FROM (SELECT pg_get_serial_sequence('${tables.outboxEvent}', 'position') AS name) s)
          END AS "sequenceSuspect",
        EXISTS (SELECT FROM alive) AS "isTold",
        CASE WHEN $5::boolean THEN coalesce(${cursors.column || 'NULL'}, '[]'::json) END AS renewed${leases.column}`;
  }

  /**
   * Signs this process in. It stores the backend of the heartbeat connection, and the run of the server to
   * which the backend belongs.
   */
  async signIn(
    connection: EngineConnection,
    process: { id: string; role: string; host: string; pid: number; version: string | undefined },
  ): Promise<void> {
    // A process that signs in again finds its row, and its start is not counted a second time. Processes that
    // start in the same minute wait for each other here for one statement. Nobody who holds a row of starts
    // asks for a row of a process, so they cannot wait in a circle. `xmax` is 0 for a row that is new.
    await connection.query(
      `WITH signed AS (
         INSERT INTO ${this.process} (id, role, host, pid, version, protocol, backend_pid, backend_start, server_started, server_pids)
         VALUES ($1, $2, $3, $4, left($5::text, 63), ${PROTOCOL}, pg_backend_pid(), (SELECT backend_start FROM pg_stat_get_activity(pg_backend_pid())),
           pg_postmaster_start_time(), ${SERVERS_OWN_PIDS})
         ON CONFLICT (id) DO UPDATE SET backend_pid = excluded.backend_pid, backend_start = excluded.backend_start,
           server_started = excluded.server_started, server_pids = excluded.server_pids, seen_at = clock_timestamp()
         RETURNING host, pid, coalesce(version, '') AS version, started_at, xmax = 0 AS is_new
       )
       INSERT INTO ${this.start} AS s (minute, version, processes, first_at, host, pid)
       SELECT date_bin('1 minute', started_at, 'epoch'), version, 1, started_at, host, pid FROM signed WHERE is_new
       ON CONFLICT (minute, version) DO UPDATE SET processes = s.processes + 1,
         first_at = least(s.first_at, excluded.first_at), host = excluded.host, pid = excluded.pid`,
      [process.id, process.role, process.host, process.pid, process.version ?? null],
    );
  }

  /**
   * Saves the complete list of what the process's consumers cannot reach. False means that the process is not
   * signed in.
   */
  async saveUnavailable(processId: string, consumers: readonly UnavailableConsumer[]): Promise<boolean> {
    const now = performance.now();
    const rows = await this.db.query(
      `UPDATE ${this.process} SET unavailable = coalesce((
         SELECT jsonb_object_agg(u.consumer_name || '/' || u.partition, jsonb_build_object(
           'since', clock_timestamp() - u.ms * interval '1 millisecond', 'reason', u.reason))
         FROM unnest($2::text[], $3::int[], $4::float8[], $5::text[]) AS u (consumer_name, partition, ms, reason)), '{}')
       WHERE id = $1 RETURNING 1`,
      [
        processId,
        consumers.map(({ key }) => key.consumerName),
        consumers.map(({ key }) => key.partition),
        consumers.map(({ since }) => now - since),
        consumers.map(({ reason }) => reason),
      ],
    );
    return rows.length > 0;
  }

  /**
   * Writes what has run for long. False means that the row is not there, or that somebody holds it: a beat
   * that writes the same, for one.
   */
  async saveWorking(processId: string, working: readonly LongAttempt[]): Promise<boolean> {
    const rows = await this.db.query(
      `UPDATE ${this.process} SET working = ${workingFrom('$2')}
       WHERE id = (SELECT id FROM ${this.process} WHERE id = $1::uuid FOR NO KEY UPDATE SKIP LOCKED) RETURNING 1`,
      [processId, JSON.stringify(working)],
    );
    return rows.length > 0;
  }

  async signOut(processId: string): Promise<void> {
    await this.db.query(`DELETE FROM ${this.process} WHERE id = $1`, [processId]);
  }

  /** Forgets processes that have not been seen for the time of ten leases and hold nothing. */
  async forgetGoneProcesses(leaseMs: number): Promise<void> {
    await this.db.query(
      `DELETE FROM ${this.process} p WHERE p.seen_at < clock_timestamp() - 10 * $1::float8 * interval '1 millisecond'
         AND NOT EXISTS (SELECT 1 FROM ${this.db.tables.inboxCursor} c WHERE c.lease_owner = p.id)`,
      [leaseMs],
    );
  }

  /**
   * Returns the leases of these owners on these consumers that have not run out. The lease that runs out last
   * comes first.
   */
  leasesInForce(
    connection: EngineConnection,
    consumers: readonly string[],
    owners: readonly string[],
  ): Promise<LeaseInForce[]> {
    return connection.query<LeaseInForce>(
      `SELECT c.consumer_name AS "consumerName", c.partition, c.lease_owner AS owner, p.host, p.pid, p.seen_at AS "seenAt",
         c.lease_expires_at AS until
       FROM ${this.db.tables.inboxCursor} c LEFT JOIN ${this.process} p ON p.id = c.lease_owner
       WHERE c.consumer_name = ANY ($1::text[]) AND c.lease_owner = ANY ($2::uuid[]) AND c.lease_expires_at > clock_timestamp()
       ORDER BY c.lease_expires_at DESC, c.consumer_name, c.partition`,
      [consumers, owners],
    );
  }

  async beat(connection: EngineConnection, beat: Beat, canJudgeBackends: boolean): Promise<ClusterSnapshot> {
    const { leases } = beat;
    const sql = this.beatSql[beat.tokens.length === 0 ? 0 : 1][leases === undefined ? 0 : 1];
    const [snapshot] = await connection.query<ClusterSnapshot>(sql, [
      beat.processId,
      beat.consumers,
      beat.tokens,
      beat.leaseMs,
      beat.renew,
      canJudgeBackends,
      beat.able,
      beat.renew ? JSON.stringify(beat.report.settings) : null,
      beat.renew ? JSON.stringify(beat.report.working) : null,
      beat.parts,
      ...(leases === undefined
        ? []
        : [
            leases.waiting,
            leases.held.map(({ name }) => name),
            leases.held.map(({ token }) => token),
            leases.dead,
          ]),
    ]);
    if (snapshot === undefined)
      throw new UnusableConnection('connection error: the beat brought nothing back');
    return snapshot;
  }
}
