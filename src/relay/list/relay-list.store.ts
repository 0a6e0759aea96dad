import type { EngineDatabase } from '../../database/engine-database.js';
import { isAliveNow } from '../../status/unserved.store.js';
import { RELAY_CONSUMERS, RELAY_PART } from '../relays/part-name.js';
import type { RelayReport } from '../relays/relay-record.js';
import { SOURCE_LEASES } from '../sources/source-definition.js';
import type { SourceReport } from '../sources/source-record.js';

/** A process that runs something. Host and pid are null for a process that is not listed. */
export interface RunningProcess {
  readonly id: string;
  readonly host: string | null;
  readonly pid: number | null;
}

/** What a process says of its relays and sources, and when it wrote that. */
export interface ReportingProcess {
  readonly id: string;
  readonly seenAt: string;
  readonly alive: boolean;
  readonly report: { readonly relays: readonly RelayReport[]; readonly sources: readonly SourceReport[] };
}

/** A partition of the consumer of a relay. */
export interface RelayPartition {
  readonly name: string;
  readonly partition: number;
  readonly eventNames: readonly string[];
  readonly pausedSince: string | null;
  readonly unavailable: { readonly since: string; readonly reason: string } | null;
  readonly owner: RunningProcess | null;
  /** When the lease ended that was the last one. Null if it is in force, or there was none. */
  readonly leftAt: string | null;
}

/** The lease of a source. */
export interface SourceLease {
  readonly name: string;
  readonly owner: RunningProcess | null;
  readonly leftAt: string | null;
}

export interface StoredRelays {
  /** The time of the database. */
  readonly at: Date;
  readonly processes: readonly ReportingProcess[];
  readonly partitions: readonly RelayPartition[];
  readonly leases: readonly SourceLease[];
}

/** The SQL of the process that holds a lease, where it is in force. */
const ownerOf = (owner: string): string =>
  `CASE WHEN l.in_force THEN json_build_object('id', ${owner}, 'host', p.host, 'pid', p.pid) END`;

/** Reads what is known of relays and sources: reports of processes, cursors and leases, of one moment. */
export async function storedRelays(db: Pick<EngineDatabase, 'query' | 'tables'>): Promise<StoredRelays> {
  const { integrationProcess, inboxCursor, integrationLease } = db.tables;
  const [row] = await db.query<StoredRelays>(
    `SELECT clock_timestamp() AS at,
       coalesce((SELECT json_agg(json_build_object('id', p.id, 'seenAt', p.seen_at, 'alive', ${isAliveNow('p')}, 'report', p.parts -> $1::text) ORDER BY p.id)
         FROM ${integrationProcess} p WHERE p.parts -> $1::text IS NOT NULL), '[]') AS processes,
       coalesce((SELECT json_agg(json_build_object('name', substr(c.consumer_name, length($2::text) + 1), 'partition', c.partition,
           'eventNames', c.event_names, 'pausedSince', c.paused_at,
           'unavailable', CASE WHEN l.in_force THEN p.unavailable -> (c.consumer_name || '/' || c.partition) END,
           'owner', ${ownerOf('c.lease_owner')}, 'leftAt', CASE WHEN NOT l.in_force THEN c.lease_expires_at END) ORDER BY c.consumer_name, c.partition)
         FROM ${inboxCursor} c
         CROSS JOIN LATERAL (SELECT coalesce(c.lease_owner IS NOT NULL AND c.lease_expires_at > clock_timestamp(), false) AS in_force) AS l
         LEFT JOIN ${integrationProcess} p ON p.id = c.lease_owner
         WHERE starts_with(c.consumer_name, $2::text)), '[]') AS partitions,
       coalesce((SELECT json_agg(json_build_object('name', substr(n.name, length($3::text) + 1),
           'owner', ${ownerOf('n.owner')}, 'leftAt', CASE WHEN NOT l.in_force THEN n.expires_at END) ORDER BY n.name)
         FROM ${integrationLease} n
         CROSS JOIN LATERAL (SELECT coalesce(n.owner IS NOT NULL AND n.expires_at > clock_timestamp(), false) AS in_force) AS l
         LEFT JOIN ${integrationProcess} p ON p.id = n.owner
         WHERE starts_with(n.name, $3::text)), '[]') AS leases`,
    [RELAY_PART, RELAY_CONSUMERS, SOURCE_LEASES],
  );
  return row ?? { at: new Date(), processes: [], partitions: [], leases: [] };
}
