import { Injectable } from '@nestjs/common';
import type { EngineConnection } from '../database/connection/engine-connection.js';
import { EngineDatabase } from '../database/engine-database.js';
import { backendGone } from '../database/sql/backend-gone.store.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';
import type { CursorKey } from '../inbox/inbox-status.js';

/** One cursor as the heartbeat sees it. */
export interface CursorSnapshot extends CursorKey {
  readonly partitions: number;
  readonly eventNames: string[];
  readonly leaseOwner: string | null;
  readonly leaseToken: string | null;
  readonly expired: boolean;
  /** Nobody may work on it: an admin said so, or its number of partitions is about to change. */
  readonly paused: boolean;
  /** Positions were put back that its owner has not taken up. */
  readonly replayed: boolean;
  /** A filtered replay of its consumer is not finished. */
  readonly replaying: boolean;
  readonly repartitioning: boolean;
  /**
   * Names were added while its owner worked on it by fewer: that one is to read no more, to say so, and to
   * hand over.
   */
  readonly superseded: boolean;
  readonly changedByOthers: number;
  /** Milliseconds until the next inbox row is due; null when none will be. */
  readonly dueInMs: number | null;
}

/** A process that has registered itself. */
export interface ProcessSnapshot {
  readonly id: string;
  readonly consumers: string[];
  /** How many cursors it holds, those of consumers that we do not have included. */
  readonly held: number;
  /** Beat within the last lease. */
  readonly alive: boolean;
  /** Its heartbeat connection is no longer among the server's backends; null where that cannot be judged. */
  readonly backendGone: boolean | null;
  /**
   * It signed in during this very run of the server that is asked: no restart, crash or failover has ended
   * its backend.
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

/** What one beat brings home. */
export interface ClusterSnapshot {
  readonly settings: Record<string, unknown>;
  readonly cursors: CursorSnapshot[];
  readonly processes: ProcessSnapshot[];
  /**
   * With a beat that renews: events that handlers were told of seem to have positions that are still to be
   * handed out.
   */
  readonly sequenceSuspect: boolean | null;
  /** The tokens of ours that were renewed; null when this beat did not renew. */
  readonly renewed: string[] | null;
}

export interface Beat {
  readonly processId: string;
  /** Those that this process has handlers for: whose cursors to look at. */
  readonly consumers: readonly string[];
  /** Those of them that this process could lease. */
  readonly able: readonly string[];
  readonly tokens: readonly string[];
  readonly leaseMs: number;
  /** Whether leases (and the process's own sign of life) are renewed with this beat, or only looked at. */
  readonly renew: boolean;
}

/** A consumer whose handlers cannot reach what they need. `since`: monotonic ms. */
export interface UnavailableConsumer {
  readonly key: CursorKey;
  readonly reason: string;
  readonly since: number;
}

/**
 * The processes of the server itself (checkpointer, WAL writer and others), as any role sees them. A crash of
 * one backend ends all of them and starts new ones, while `pg_postmaster_start_time()` stays as it was.
 */
const SERVERS_OWN_PIDS =
  'ARRAY(SELECT pid FROM pg_stat_get_activity(NULL) WHERE datid IS NULL AND usesysid IS NULL)';

/** What this version can be asked for: 1, to stop reading when its consumer gains names. */
const PROTOCOL = 1;

/** The live processes, and the one small statement for everything that beats. */
@Injectable()
export class IntegrationProcessStore {
  private readonly process: string;
  private readonly beatSql: string;

  constructor(private readonly db: EngineDatabase) {
    const { tables } = db;
    this.process = tables.integrationProcess;
    // Renewal waits for nobody. Whoever holds a row (a save of ours, an admin's open transaction, another
    // process that claims it) would otherwise keep all leases of this process from being renewed, and the
    // settings and everything else from being seen. A lease that is passed over is as it was: its token
    // decides what may be saved, and it is renewed as soon as the row is free. Until then its owner starts
    // nothing beyond the time of the last renewal, and nobody can claim the row either: a claim does not wait
    // for it.
    this.beatSql = `
      WITH held AS (
        SELECT consumer_name, partition FROM ${tables.inboxCursor}
        WHERE $5::boolean AND lease_token = ANY ($3::uuid[]) FOR NO KEY UPDATE SKIP LOCKED
      ), renewed AS (
        UPDATE ${tables.inboxCursor} c SET lease_expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond'
        FROM held WHERE c.consumer_name = held.consumer_name AND c.partition = held.partition
          AND c.lease_token = ANY ($3::uuid[])
        RETURNING c.lease_token
      ), alive AS (
        UPDATE ${this.process} SET seen_at = clock_timestamp(), consumers = $7::text[], handles = $2::text[]
        WHERE id = (SELECT id FROM ${this.process} WHERE id = $1::uuid AND $5::boolean FOR NO KEY UPDATE SKIP LOCKED)
      )
      SELECT
        coalesce((SELECT json_object_agg(key, value) FROM ${tables.integrationSetting}), '{}') AS settings,
        coalesce((SELECT json_agg(json_build_object(
          'consumerName', c.consumer_name, 'partition', c.partition, 'partitions', c.partitions, 'eventNames', c.event_names,
          'leaseOwner', c.lease_owner, 'leaseToken', c.lease_token, 'expired', c.lease_expires_at <= clock_timestamp(),
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
        CASE WHEN $5::boolean THEN coalesce((SELECT json_agg(lease_token) FROM renewed), '[]') END AS renewed`;
  }

  /**
   * Signs this process in, with the backend of its heartbeat connection, and with the run of the server that
   * the backend belongs to.
   */
  async signIn(
    connection: EngineConnection,
    process: { id: string; role: string; host: string; pid: number },
  ): Promise<void> {
    await connection.query(
      `INSERT INTO ${this.process} (id, role, host, pid, protocol, backend_pid, backend_start, server_started, server_pids)
       VALUES ($1, $2, $3, $4, ${PROTOCOL}, pg_backend_pid(), (SELECT backend_start FROM pg_stat_get_activity(pg_backend_pid())),
         pg_postmaster_start_time(), ${SERVERS_OWN_PIDS})
       ON CONFLICT (id) DO UPDATE SET backend_pid = excluded.backend_pid, backend_start = excluded.backend_start,
         server_started = excluded.server_started, server_pids = excluded.server_pids, seen_at = clock_timestamp()`,
      [process.id, process.role, process.host, process.pid],
    );
  }

  /** What the process's consumers cannot reach, all of it; false: the process is not signed in. */
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

  async signOut(processId: string): Promise<void> {
    await this.db.query(`DELETE FROM ${this.process} WHERE id = $1`, [processId]);
  }

  /** Forgets processes that have not been seen for ten leases and hold nothing. */
  async forgetGoneProcesses(leaseMs: number): Promise<void> {
    await this.db.query(
      `DELETE FROM ${this.process} p WHERE p.seen_at < clock_timestamp() - 10 * $1::float8 * interval '1 millisecond'
         AND NOT EXISTS (SELECT 1 FROM ${this.db.tables.inboxCursor} c WHERE c.lease_owner = p.id)`,
      [leaseMs],
    );
  }

  /**
   * The leases of these owners on these consumers that have not run out, the one that runs out last first.
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
    const [snapshot] = await connection.query<ClusterSnapshot>(this.beatSql, [
      beat.processId,
      beat.consumers,
      beat.tokens,
      beat.leaseMs,
      beat.renew,
      canJudgeBackends,
      beat.able,
    ]);
    if (snapshot === undefined)
      throw new UnusableConnection('connection error: the beat brought nothing back');
    return snapshot;
  }
}
