import type { Tables } from '../../database/sql/tables.js';

/** A lease by its name, with the token of one taking. */
export interface LeaseName {
  readonly name: string;
  readonly token: number;
}

/** What a process asks of the leases with a beat. */
export interface LeasesAsked {
  /** The names that the process waits for. */
  readonly waiting: readonly string[];
  /** The leases that it believes to hold. */
  readonly held: readonly LeaseName[];
  /** The processes whose leases no longer count. */
  readonly dead: readonly string[];
}

/** What a beat saw of the leases. */
export interface LeasesSeen {
  /** Names that the process waits for and that it may take. */
  readonly free: readonly string[];
  /** Names whose token is another one now. */
  readonly lost: readonly string[];
  /** Held names that were not renewed, because somebody is taking them or locks their rows. */
  readonly skipped: readonly string[];
  /** Held names that another process has asked for. */
  readonly wanted: readonly string[];
  /** How many names this process has asked others for, and has not got yet. */
  readonly asked: number;
  /** How many leases each process holds. */
  readonly loads: Readonly<Record<string, number>>;
}

/** For how long a row that was given back is kept for the process that has asked for it. */
const KEPT_SECONDS = 10;

/** Whether `l` may be taken by this process. The parameters are uuids, or lists of them. */
export const mayBeTaken = (self: string, dead: string): string =>
  `(l.owner = ${self} OR l.owner = ANY (${dead}) OR l.owner IS NOT NULL AND l.expires_at <= clock_timestamp()
    OR l.owner IS NULL AND (coalesce(l.wanted_by, ${self}) = ${self}
      OR l.expires_at <= clock_timestamp() - interval '${KEPT_SECONDS} seconds'))`;

/**
 * The part of the heartbeat's statement that is about leases: $1 is the process, $4 the milliseconds of a
 * lease, $5 whether it renews, $11 the names that are waited for, $12 and $13 the names and tokens that are
 * held, $14 the dead processes. It is left out of the beats of a process that asks for no lease, which may
 * lack the right to read the table.
 *
 * A row that somebody is taking is not renewed, for the reason that stands with the renewal of cursors. Saves
 * of the owner do not keep renewals out (see lease.store.ts).
 */
export function leasePartsOfBeat({ integrationLease }: Tables): {
  readonly renewal: string;
  readonly column: string;
} {
  const held = 'unnest($12::text[], $13::bigint[]) AS h (name, token)';
  const ours = `l.name = h.name AND l.token = h.token AND l.owner = $1::uuid`;
  return {
    renewal: `, held_lease AS (
        SELECT l.name, l.token FROM ${integrationLease} l JOIN ${held} ON ${ours} WHERE $5::boolean FOR NO KEY UPDATE OF l SKIP LOCKED
      ), renewed_lease AS (
        UPDATE ${integrationLease} l SET expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond'
        FROM held_lease h WHERE ${ours} RETURNING l.name
      )`,
    column: `, json_build_object(
          'free', coalesce((SELECT json_agg(w.name) FROM unnest($11::text[]) AS w (name) LEFT JOIN ${integrationLease} l ON l.name = w.name
            WHERE l.name IS NULL OR ${mayBeTaken('$1::uuid', '$14::uuid[]')}), '[]'),
          'lost', coalesce((SELECT json_agg(h.name) FROM ${held} LEFT JOIN ${integrationLease} l ON ${ours} WHERE l.name IS NULL), '[]'),
          'skipped', coalesce((SELECT json_agg(h.name) FROM ${held} WHERE $5::boolean
            AND NOT EXISTS (SELECT FROM renewed_lease r WHERE r.name = h.name)), '[]'),
          'wanted', coalesce((SELECT json_agg(h.name) FROM ${held} JOIN ${integrationLease} l ON ${ours} WHERE l.wanted_by IS NOT NULL), '[]'),
          'asked', (SELECT count(*) FROM ${integrationLease} WHERE wanted_by = $1::uuid AND owner IS NOT NULL AND expires_at > clock_timestamp()),
          'loads', coalesce((SELECT json_object_agg(owner, leases) FROM (
            SELECT owner, count(*) AS leases FROM ${integrationLease}
            WHERE owner IS NOT NULL AND owner <> ALL ($14::uuid[]) AND expires_at > clock_timestamp() GROUP BY owner) AS by_owner), '{}')) AS leases`,
  };
}
